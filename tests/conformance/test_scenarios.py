"""The scenarios against our relay: a few of each client in every run, all of them by `./test all`.

`python -m tests.conformance` runs the same against any server.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.conformance.scenarios import SCENARIOS
from tests.conformance.stage import KINDS, OWN, NotApplicable, Target, performance
from tests.conformance.windows import House, house
from tests.reference.servers import relay

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(240),
]


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with relay(address="") as server:
        yield Target(server.socket_url, server.key, server.secret)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clients(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """One browser for all scenarios of its kind."""
    kind = str(request.param)
    page = "" if kind == "python" else str(request.getfixturevalue("page"))
    folder: Path = tmp_path_factory.mktemp(kind)
    async with house(kind, folder, page, OWN) as made:
        yield made


def _cells() -> Iterator[object]:
    for kind in KINDS:
        for name, one in SCENARIOS.items():
            if kind in one.clients:
                marks = [] if kind == "python" else [pytest.mark.browser]
                marks += [] if kind in one.quick else [pytest.mark.long]
                yield pytest.param(kind, name, marks=marks, id=f"{kind}-{name}")


@pytest.mark.parametrize(("clients", "name"), list(_cells()), indirect=["clients"])
async def test_a_scenario_of_every_client_holds_with_ours(
    clients: House, name: str, target: Target, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["clients"]
    try:
        async with performance(target, kind, clients.make) as stage:
            await SCENARIOS[name].play(stage)
    except NotApplicable as reason:
        pytest.skip(str(reason))
    finally:
        await clients.clear()
