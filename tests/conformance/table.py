"""What came of scenarios, kept from run to run, and the table of it in docs/conformance.md."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.conformance.stage import KINDS, SCENARIOS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "build" / "conformance.json"
DOCUMENT = ROOT / "docs" / "conformance.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
_MARKS = {"pass": "✓", "fail": "**✗**", "none": "–", "": " "}


@dataclass(frozen=True)
class Outcome:
    """One scenario by one client against one server."""

    server: str
    client: str
    scenario: str
    result: str  # "pass", "fail" or "none": not applicable
    detail: str = ""
    seconds: float = 0.0


class Outcomes:
    """The newest outcome of each scenario, client and server."""

    def __init__(self, path: Path = RESULTS) -> None:
        self._path = path
        self._known = self._read()

    def _read(self) -> dict[tuple[str, str, str], Outcome]:
        rows = json.loads(self._path.read_text()) if self._path.exists() else []
        return {self._key(one): one for one in (Outcome(**row) for row in rows)}

    @staticmethod
    def _key(one: Outcome) -> tuple[str, str, str]:
        return one.server, one.client, one.scenario

    def add(self, outcome: Outcome) -> None:
        """Keep it on disk, beside what another run has added meanwhile."""
        self._path.parent.mkdir(exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._known = {**self._read(), self._key(outcome): outcome}
            rows = [asdict(one) for one in self._known.values()]
            self._path.write_text(json.dumps(rows, ensure_ascii=False, indent=1))

    def result(self, server: str, client: str, scenario: str) -> str:
        known = self._known.get((server, client, scenario))
        return known.result if known else ""

    def of(self, servers: Iterable[str]) -> list[Outcome]:
        """Everything known of these servers, in the order of the list of scenarios."""
        order = list(SCENARIOS)
        known = [one for one in self._known.values() if one.server in set(servers) and one.scenario in SCENARIOS]
        return sorted(known, key=lambda one: (order.index(one.scenario), one.client, one.server))


def clients(single: bool | None) -> list[str]:
    """The columns; those with two connections are named so."""
    return [client_name(kind, single) for kind in KINDS]


def client_name(kind: str, single: bool | None) -> str:
    return kind if single is None else f"{kind} ({'one' if single else 'two'})"


def table(outcomes: Outcomes, servers: list[str], single: bool | None = None) -> list[str]:
    """Rows of Markdown: a scenario, and for each client what came of it with each server."""
    columns = [(client, server) for client in clients(single) for server in servers]
    lines = ["| scenario | " + " | ".join(f"{client}, {server}" for client, server in columns) + " |"]
    lines.append("|---|" + ":-:|" * len(columns))
    for name in SCENARIOS:
        results = [outcomes.result(server, client, name) for client, server in columns]
        if any(results):
            lines.append(f"| `{name}` | " + " | ".join(_MARKS[one] for one in results) + " |")
    return lines


def count(outcomes: Outcomes, servers: list[str], single: bool | None = None) -> str:
    """How many passed, of how many that apply."""
    parts = []
    for server in servers:
        results = [outcomes.result(server, client, name) for client in clients(single) for name in SCENARIOS]
        applicable = [one for one in results if one in ("pass", "fail")]
        parts.append(f"{server} {applicable.count('pass')} of {len(applicable)}")
    return "; ".join(parts)


def write(outcomes: Outcomes, servers: list[str]) -> None:
    """Put the tables and the sentences of the scenarios into the document."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    lines = ["", f"Passed: {count(outcomes, servers)}.", "", *table(outcomes, servers), ""]
    two = table(outcomes, servers, False)
    if len(two) > 2:
        lines += ["### With two peer connections", "", f"Passed: {count(outcomes, servers, False)}.", "", *two, ""]
    lines += [*_failures(outcomes, servers), ""]
    lines += ["### What each scenario proves", "", "| scenario | proves |", "|---|---|"]
    lines += [f"| `{one.name}` | {one.proves} |" for one in SCENARIOS.values()]
    DOCUMENT.write_text("\n".join([before + BEGIN, *lines, "", END + after]))


def _failures(outcomes: Outcomes, servers: list[str]) -> list[str]:
    """What each failed cell last saw."""
    lines = ["### Cells that failed, and what they last saw", ""]
    for one in outcomes.of(servers):
        if one.result == "fail":
            lines.append(f"- `{one.scenario}`, {one.client}, {one.server}: {one.detail[:160]}")
    return lines if len(lines) > 2 else [*lines, "None."]
