"""Frames on a socket, behind the suite: echo, sink or source.

python3 framed.py echo|sink|source listen PORT
"""

import socket, struct, sys, threading

MARKER, LIMIT = 1 << 28, 8 << 20


def exactly(conn, length):
    data = b""
    while len(data) < length:
        part = conn.recv(length - len(data))
        if not part:
            raise EOFError("it ended without its marker")
        data += part
    return data


def frames(conn):
    while (header := struct.unpack(">II", exactly(conn, 8))) != (MARKER, 0):
        if header[0] >> 28 or header[1] > LIMIT:
            raise ValueError("the peer broke the protocol")
        yield header[0], exactly(conn, header[1])


def serve(conn, answer):
    if answer == "source":
        reader = threading.Thread(target=lambda: [None for _ in frames(conn)])
        reader.start()
    own = ((n + 1, bytes([n]) * 1000 * n) for n in range(8))
    for kind, payload in own if answer == "source" else frames(conn):
        if answer != "sink":
            conn.sendall(struct.pack(">II", kind, len(payload)) + payload)
    conn.sendall(struct.pack(">II", MARKER, 0))
    conn.shutdown(socket.SHUT_WR)
    if answer == "source":
        reader.join()


listener = socket.create_server(("127.0.0.1", int(sys.argv[3])))
while True:
    with listener.accept()[0] as accepted:
        try:
            serve(accepted, sys.argv[1])
        except (OSError, EOFError, ValueError):
            pass
