"""Frames on a socket, behind the suite: echo, sink or source.

python3 framed.py echo|sink|source listen PORT
"""

import socket, struct, sys, threading

MARKER, LIMIT = 1 << 28, 8 << 20


def frames(stream):
    while (header := struct.unpack(">II", stream.read(8))) != (MARKER, 0):
        if header[0] >> 28 or header[1] > LIMIT:
            raise ValueError("the peer broke the protocol")
        if len(payload := stream.read(header[1])) < header[1]:
            raise ValueError("the stream ended within a frame")
        yield header[0], payload


def serve(conn, stream, answer):
    if answer == "source":
        reader = threading.Thread(target=lambda: [None for _ in frames(stream)])
        reader.start()
    own = ((n + 1, bytes([n]) * 1000 * n) for n in range(8))
    for kind, payload in own if answer == "source" else frames(stream):
        if answer != "sink":
            conn.sendall(struct.pack(">II", kind, len(payload)) + payload)
    conn.sendall(struct.pack(">II", MARKER, 0))
    conn.shutdown(socket.SHUT_WR)
    if answer == "source":
        reader.join()


listener = socket.create_server(("127.0.0.1", int(sys.argv[3])))
while True:
    with listener.accept()[0] as accepted, accepted.makefile("rb") as incoming:
        try:
            serve(accepted, incoming, sys.argv[1])
        except (OSError, ValueError, struct.error):  # It ended without a marker.
            pass
