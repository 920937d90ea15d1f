"""The good end of the line: a server and a stock client beside it: `python -m tests.faults.lines.near SERVER ROOM …`.

Runs within the near namespace. Prints "at URL" when the server answers; then measures as `point` does.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from livekit import api

from tests.faults.lines import point
from tests.faults.lines.forwarder import NEAR
from tests.reference.servers import KEY, SECRET, Server, livekit_server, relay


def token(identity: str, room: str) -> str:
    """A token that both servers take."""
    grants = api.VideoGrants(room_join=True, room=room)
    return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(grants).to_jwt()


@contextmanager
def serving(name: str) -> Iterator[Server]:
    """Reached at the near end's address, too."""
    if name == "livekit-server":
        with livekit_server(address=NEAR, extra={"bind_addresses": ["127.0.0.1", NEAR]}) as server:
            yield server
    else:
        variables = {"MEETINGS_TRACE_WAYS": "1"} if os.environ.get(point.TRACE) else {}
        with relay(address=NEAR, arguments=["--host=0.0.0.0"], variables=variables) as server:
            try:
                yield server
            finally:
                if variables:
                    shutil.copy(server.log, point.trace_of("relay"))


def main(name: str, room: str, warm: str, seconds: str) -> None:
    with serving(name) as server:
        url = server.socket_url.replace("127.0.0.1", NEAR)
        print(f"at {url}", flush=True)
        if not float(seconds):  # nobody at this end
            sys.stdin.readline()
            return
        asyncio.run(point.run(url, token("near", room), float(warm), float(seconds), "near"))


if __name__ == "__main__":
    main(*sys.argv[1:])
