"""py-libp2p behind the suite: it negotiates, says what it settled on, and echoes.

python3 simopen.py dialer|listener listen PORT PROTOCOLS
"""

import functools, sys, trio
from libp2p.protocol_muxer.multiselect import Multiselect
from libp2p.protocol_muxer.multiselect_client import MultiselectClient
from libp2p.protocol_muxer.multiselect_communicator import MultiselectCommunicator

ROLE, _, PORT, NAMES = sys.argv[1:5]


class Stream:
    """What the library reads and writes."""

    def __init__(self, stream):
        self.stream, self.write = stream, stream.send_all

    async def read(self, n=None):
        return await self.stream.receive_some(n or 4096)


async def serve(stream):
    communicator, names = MultiselectCommunicator(Stream(stream)), NAMES.split(",")
    try:
        if ROLE == "listener":
            muxer = Multiselect({name: None for name in names})
            settled = "responder", (await muxer.negotiate(communicator))[0]
        else:
            settled = "initiator", await MultiselectClient().select_one_of(names, communicator)
        await stream.send_all("{} {}\n".format(*settled).encode())
        async for data in stream:
            await stream.send_all(data)
    except Exception:  # The connection is closed.
        return


trio.run(functools.partial(trio.serve_tcp, serve, int(PORT), host="127.0.0.1"))
