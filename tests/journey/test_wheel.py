"""What `pip install` makes of a wheel is the whole product: pages, catalogues, fonts, schema; no checkout is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
TRY = """
import asyncio, sys
from pathlib import Path
import meetings
assert Path(meetings.__file__).is_relative_to(Path(sys.argv[1])), meetings.__file__
from meetings import migrations
from meetings.app import create_app
from meetings.config import Settings
from meetings.register.forms import shipped_fonts
from starlette.testclient import TestClient

settings = Settings(data_dir=Path(sys.argv[1]) / "data")
asyncio.run(migrations.upgrade(settings))
app = create_app(settings)
client = TestClient(app, base_url="https://hop.example.invalid")
assert client.get("/readyz").status_code == 200
page = client.get("/login", headers={"Cookie": "locale=en"}).text
assert "Log in" in page and "app-" in page, page
style = page.split('rel="stylesheet" href="')[1].split('"')[0]
assert client.get(style).status_code == 200
assert shipped_fonts().is_relative_to(Path(sys.argv[1])), shipped_fonts()
"""


def test_an_installed_wheel_serves_its_pages(tmp_path: Path) -> None:
    """Its dependencies are those of this environment: what is new is the package itself, in a folder of its own."""
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={tmp_path}", str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("meetings-*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        packed.extractall(installed)
    assert not [name for name in names if name.startswith(("tests/", "tools/", "web/", "build/"))]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", TRY, str(installed)]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
