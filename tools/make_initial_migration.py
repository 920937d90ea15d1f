"""Writes meetings/migrations/versions/0001_initial.py from the models.

python tools/make_initial_migration.py            writes the file
python tools/make_initial_migration.py --check    says whether the file is what the models say (exit code 1 if not)
"""

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from alembic.autogenerate import render_python_code  # noqa: E402 the path comes first
from alembic.autogenerate.api import AutogenContext  # noqa: E402
from alembic.operations import ops  # noqa: E402
from sqlalchemy import Table  # noqa: E402

from meetings.database import UtcDateTime  # noqa: E402
from meetings.models import metadata  # noqa: E402

TARGET = ROOT / "meetings" / "migrations" / "versions" / "0001_initial.py"
HEAD = '''"""The first schema. Written by tools/make_initial_migration.py from the models."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from meetings.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
'''


def render_item(kind: str, value: Any, context: AutogenContext) -> str | Literal[False]:
    return "UtcDateTime()" if kind == "type" and isinstance(value, UtcDateTime) else False


def operations(table: Table) -> list[Any]:
    """One table and its indexes. A foreign key to a table that comes later is not supported, and not needed."""
    indexes = sorted(table.indexes, key=lambda index: str(index.name))
    return [ops.CreateTableOp.from_table(table), *(ops.CreateIndexOp.from_index(index) for index in indexes)]


def migration() -> str:
    steps = [step for table in metadata.sorted_tables for step in operations(table)]
    body = render_python_code(ops.UpgradeOps(ops=steps), render_item=render_item)
    lines = (line for line in body.splitlines() if not line.strip().startswith("# ###"))
    body = "\n".join(f"    {line}" if line and not line.startswith("    ") else line for line in lines)
    return _formatted(HEAD + body.replace("astext_type=Text()", "astext_type=sa.Text()") + "\n")


def _formatted(source: str) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    for arguments in (["check", "--fix", "--quiet", "--select", "I,F401,UP"], ["format", "--quiet"]):
        command = [str(ruff), *arguments, "--stdin-filename", str(TARGET), "-"]
        done = subprocess.run(command, input=source, capture_output=True, text=True, cwd=ROOT, check=True)
        source = done.stdout
    return source


def main() -> int:
    text = migration()
    if "--check" in sys.argv:
        same = TARGET.exists() and TARGET.read_text() == text
        if not same:
            print("The models have changed: run python tools/make_initial_migration.py")
        return 0 if same else 1
    TARGET.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
