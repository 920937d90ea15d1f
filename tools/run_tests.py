"""Runs the gates in the order a reader wants to hear of them, and ends with one line over Python and JavaScript."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Stage:
    """One run of pytest. What measures no time is spread over the cores; the rest has the machine for itself."""

    marks: str
    spread: bool


UNIT = Stage("not postgres and not browser and not conformance and not fault and not long", spread=True)
DATA = Stage("postgres and not browser and not fault and not long", spread=True)
PEERS = Stage("(conformance or fault) and not browser and not long", spread=False)
BROWSER = Stage("browser and not long", spread=False)
LONG = Stage("long", spread=False)
# a run each, so that a hang in one kind does not hide the others
STAGES = {"quick": [UNIT], "full": [UNIT, DATA, PEERS, BROWSER], "all": [UNIT, DATA, PEERS, BROWSER, LONG]}


@dataclass
class Count:
    """How many checks passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other: Count) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def gate(name: str, command: list[str]) -> Count:
    """One yes-or-no check; its output is shown only when it says no."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name} ({time.monotonic() - started:.0f} s)", flush=True)
    if done.returncode != 0:
        print(done.stdout[-12_000:] + done.stderr[-4_000:], flush=True)
        return Count(failed=1)
    return Count(passed=1)


def javascript() -> Count:
    """Unit tests of the browser side, on the Node that the build uses."""
    from tools.build_front import node_executable

    files = sorted(str(path) for path in (ROOT / "tests" / "js").rglob("*.test.ts"))
    if not files:
        return Count()
    command = [str(node_executable()), "--test", "--test-reporter=tap", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    numbers = {
        word: int(count) for word, count in re.findall(r"^# (pass|fail|skipped|cancelled) (\d+)", done.stdout, re.M)
    }
    failed = numbers.get("fail", 0) + numbers.get("cancelled", 0)
    if done.returncode != 0:
        print(done.stdout[-12_000:] + done.stderr[-4_000:], flush=True)
        failed = max(failed, 1)
    print(f"{'FAIL' if failed else 'ok  '} javascript: {numbers.get('pass', 0)} passed", flush=True)
    return Count(numbers.get("pass", 0), failed, numbers.get("skipped", 0))


def pytest(stage: Stage) -> Count:
    """One stage, counted from pytest's own report; at least one failure if it could not finish."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        spread = ["-n", str(os.cpu_count() or 1)] if stage.spread else []
        command = [sys.executable, "-m", "pytest", "-q", "-m", stage.marks, f"--junitxml={report}", *spread]
        code = subprocess.run([*command, "-o", f"cache_dir={folder}/cache"], cwd=ROOT).returncode
        if not report.exists():
            return Count(failed=1)
        suite = next(ElementTree.parse(report).getroot().iter("testsuite"))
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    if code not in (0, 5) and failed == 0:
        failed = 1
    return Count(max(total - failed - skipped, 0), failed, skipped)


def gates() -> Count:
    """Lint, types and import contracts, side by side."""
    from tools.build_front import node_executable

    commands = {
        "ruff check": [sys.executable, "-m", "ruff", "check", "."],
        "ruff format": [sys.executable, "-m", "ruff", "format", "--check", "."],
        "mypy --strict": [sys.executable, "-m", "mypy", "meetings", "tests", "tools"],
        "import contracts": [str(Path(sys.executable).with_name("lint-imports"))],
        "typescript": [str(node_executable()), "web/node_modules/typescript/bin/tsc", "--noEmit", "-p", "web"],
    }
    total = Count()
    with ThreadPoolExecutor(max_workers=2) as pool:
        for count in pool.map(lambda item: gate(*item), commands.items()):
            total.add(count)
    return total


def main() -> int:
    """Exit 0 only if nothing failed and something ran."""
    total = gates()
    total.add(javascript())
    for stage in STAGES[sys.argv[1]]:
        total.add(pytest(stage))
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped", flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
