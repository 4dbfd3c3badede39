"""A Bitcoin peer whose messages are python-bitcoinlib's: `peer.py dial PORT` or `peer.py listen`.

It shakes hands, sends messages that the node has no use for, sees its ping answered, and closes. The exit status is 0 if
all went as the protocol has it. `listen` prints the port that it listens on.
"""

import socket
import sys

import bitcoin
from bitcoin.messages import (
    MsgSerializable,
    msg_getaddr,
    msg_mempool,
    msg_ping,
    msg_verack,
    msg_version,
)

NONCE = 0x1122334455667788


def main():
    bitcoin.SelectParams("regtest")
    if sys.argv[1] == "dial":
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    else:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(60)
        print(listener.getsockname()[1], flush=True)
        connection, _ = listener.accept()
        listener.close()
    connection.settimeout(60)
    stream = connection.makefile("rb")

    def send(message):
        connection.sendall(message.to_bytes())

    def expect(command):
        message = MsgSerializable.stream_deserialize(stream)
        if message.command != command:
            sys.exit(f"{command} expected, {message.command} came")
        return message

    ours = msg_version()
    ours.nStartingHeight = 7
    if sys.argv[1] == "dial":
        send(ours)
        theirs = expect(b"version")
        expect(b"verack")
    else:
        theirs = expect(b"version")
        send(ours)
        expect(b"verack")
    if theirs.nVersion < 70016 or theirs.nServices & 1 == 0 or theirs.fRelay:
        sys.exit(f"the node's version is {theirs!r}")
    send(msg_verack())
    send(msg_getaddr())
    send(msg_mempool())
    ping = msg_ping()
    ping.nonce = NONCE
    send(ping)
    if expect(b"pong").nonce != NONCE:
        sys.exit("the pong is another ping's")
    stream.close()
    connection.close()


main()
