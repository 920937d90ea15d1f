"""Renders the forms of official documents to PDF/A with typst: fonts from the house, no network, no packages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst

_HERE = Path(__file__).parent
_PACKAGE = _HERE.parents[1]
_FACES = ("Times New Roman", "Tinos")


class FontsMissing(RuntimeError):
    """No complete set of the document face was found; the front end has not been built."""


def shipped_fonts(package: Path = _PACKAGE) -> Path:
    """Where Tinos lies: in the installed package, in the build folder of a checkout, or where npm put it."""
    checkout = package.parent
    places = [
        package / "_web" / "fonts",
        checkout / "build" / "fonts",
        checkout / "web" / "node_modules" / "@expo-google-fonts" / "tinos",
    ]
    for place in places:
        if any(place.rglob("Tinos*Regular*.ttf")):
            return place
    raise FontsMissing("Tinos is missing; looked in: " + ", ".join(str(place) for place in places))


@lru_cache(maxsize=8)
def _fonts(folders: tuple[Path, ...]) -> tuple[Any, tuple[str, ...]]:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(folders))
    present = set(fonts.families())
    return fonts, tuple(face for face in _FACES if face in present)


def render_pdf(form: str, data: Mapping[str, Any], own_fonts: Sequence[Path] = (), *, proof: bool = False) -> bytes:
    """One document as PDF/A-2a. `data` goes in as JSON, so nothing in it can be taken for markup.

    A `proof` is plain PDF: it shows an unprintable character as a box where PDF/A would refuse the document.
    `own_fonts` are folders of the office; a Times New Roman licensed to it goes before Tinos, which has the same
    widths. Takes some 20 ms; call it in a thread.
    """
    folders = (*(folder for folder in own_fonts if folder.is_dir()), shipped_fonts())
    fonts, faces = _fonts(folders)
    text = json.dumps({**data, "fonts": list(faces)}, ensure_ascii=False)
    compiler = typst.Compiler(root=str(_HERE), font_paths=fonts, ignore_system_fonts=True)
    pdf = compiler.compile(
        str(_HERE / f"{form}.typ"), format="pdf", sys_inputs={"data": text}, pdf_standards=[] if proof else ["a-2a"]
    )
    if not isinstance(pdf, bytes):
        raise TypeError("typst gave pages where one document was asked for")
    return pdf
