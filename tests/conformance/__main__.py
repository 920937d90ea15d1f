"""The table client × scenario × server: `python -m tests.conformance`.

    python -m tests.conformance                                  both servers, all clients, all scenarios
    python -m tests.conformance --server relay --client firefox --scenario resume
    python -m tests.conformance --server ws://127.0.0.1:7880 --key devkey --secret … --client python
    python -m tests.conformance --two                            with a peer connection for each direction
    python -m tests.conformance --write                          the block of docs/conformance.md, after the runs

Outcomes are kept in build/conformance.json, the newest of each; --write makes the document of what is there.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.clients import patience
from tests.conformance.page import served_page
from tests.conformance.scenarios import SCENARIOS
from tests.conformance.stage import KINDS, OWN, NotApplicable, Scenario, Target, performance
from tests.conformance.table import Outcome, Outcomes, client_name, count, table, write
from tests.conformance.windows import House, house
from tests.reference.servers import livekit_server, relay

LOCAL = ("relay", "livekit-server")
_PATIENCE_SECONDS = 25.0  # for one condition; a scenario may wait for several
_LIMIT_SECONDS = 120.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", action="append", help="relay, livekit-server, or ws://…; may be repeated")
    parser.add_argument("--key", default="", help="API key of a server by address")
    parser.add_argument("--secret", default="", help="its secret")
    parser.add_argument("--client", action="append", choices=KINDS)
    parser.add_argument("--scenario", action="append", choices=list(SCENARIOS), metavar="NAME")
    parser.add_argument("--two", action="store_true", help="a peer connection for each direction")
    parser.add_argument("--write", action="store_true", help="write docs/conformance.md")
    parser.add_argument("--none", action="store_true", help="run nothing: print, and with --write write, what is known")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    servers = arguments.server or list(LOCAL)
    outcomes = Outcomes()
    failed = 0
    if not arguments.none:
        for server in servers:
            with _target(server, arguments) as target:
                failed += asyncio.run(_run(server, target, arguments, outcomes))
    single = False if arguments.two else None
    print("\n".join(table(outcomes, servers, single)))
    print(f"Passed: {count(outcomes, servers, single)}.")
    if arguments.write:
        write(outcomes, list(LOCAL))
    return 1 if failed else 0


@contextmanager
def _target(server: str, arguments: argparse.Namespace) -> Iterator[Target]:
    if server in LOCAL:
        with relay(address="") if server == "relay" else livekit_server() as started:
            yield Target(started.socket_url, started.key, started.secret)
    else:
        yield Target(server, arguments.key, arguments.secret)


async def _run(server: str, target: Target, arguments: argparse.Namespace, outcomes: Outcomes) -> int:
    """All the wished scenarios by all the wished clients; how many failed."""
    failed = 0
    patience.set(_PATIENCE_SECONDS)
    with tempfile.TemporaryDirectory(prefix="meetings-conformance-") as folder, served_page(Path(folder)) as page:
        for kind in arguments.client or KINDS:
            (own := Path(folder) / f"{kind}-files").mkdir()
            async with house(kind, own, page, OWN) as clients:
                for name in arguments.scenario or SCENARIOS:
                    single = False if arguments.two else None
                    outcome = await _outcome(server, target, kind, single, clients, SCENARIOS[name])
                    outcomes.add(outcome)
                    failed += outcome.result == "fail"
                    print(_line(outcome), flush=True)
    return failed


def _line(one: Outcome) -> str:
    return f"{one.server:15} {one.client:15} {one.scenario:28} {one.result:5} {one.seconds:5.1f} s  {one.detail[:300]}"


async def _outcome(
    server: str, target: Target, kind: str, single: bool | None, clients: House, one: Scenario
) -> Outcome:
    began = time.monotonic()
    result, detail = "pass", ""
    try:
        if kind not in one.clients:
            raise NotApplicable("")
        async with asyncio.timeout(_LIMIT_SECONDS), performance(target, kind, clients.make, single) as stage:
            await one.play(stage)
    except NotApplicable as reason:
        result, detail = "none", str(reason)
    except Exception as error:  # whatever goes wrong is what the table is for
        result, detail = "fail", f"{type(error).__name__}: {error}".replace("\n", " ")
    finally:
        await clients.clear()
    seconds = round(time.monotonic() - began, 1)
    return Outcome(server, client_name(kind, single), one.name, result, detail[:500], seconds)


if __name__ == "__main__":
    raise SystemExit(main())
