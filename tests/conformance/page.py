"""The test page: client.js bundled with the stock livekit-client, served on loopback."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MODULES = Path(__file__).resolve().parents[2] / "web" / "node_modules"
_TEXT = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body><script src="client.js"></script>'


class Unbuilt(Exception):
    """The browser libraries are not installed."""


@contextmanager
def served_page(folder: Path) -> Iterator[str]:
    """The address of the page, written to `folder`. Raises Unbuilt."""
    esbuild = _MODULES / ".bin" / "esbuild"
    if not esbuild.exists():
        raise Unbuilt("web/node_modules is missing: run `python -m tools.build_front` (./test does)")
    command = [str(esbuild), str(Path(__file__).with_name("client.js")), "--bundle", "--format=iife"]
    command += [f"--outfile={folder / 'client.js'}", "--log-level=warning"]
    subprocess.run(command, check=True, env={**os.environ, "NODE_PATH": str(_MODULES)})
    shutil.copy(_MODULES / "livekit-client" / "dist" / "livekit-client.e2ee.worker.js", folder / "e2ee.js")
    (folder / "index.html").write_text(_TEXT)
    handler = functools.partial(_QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()
        server.server_close()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in its base
        """Nothing: the tests say what went wrong."""
