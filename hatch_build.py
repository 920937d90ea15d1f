"""Builds the browser side before a wheel is packed: an installed package needs neither Node nor a checkout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# what a checkout has beside the package stands inside it when it is installed
PACKED = {"web/templates": "templates", "build/static": "static", "build/locale": "locale", "build/fonts": "fonts"}


class FrontEnd(BuildHookInterface):  # type: ignore[type-arg]  # its configuration is of no interest here
    """Called by hatchling; refuses with a sentence instead of packing half a product."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return  # it runs from the checkout
        sys.path.insert(0, self.root)
        try:
            from tools import build_front

            if build_front.main() != 0:
                raise RuntimeError("The browser side could not be built, and without it there is nothing to install.")
        finally:
            sys.path.remove(self.root)
        for source, target in PACKED.items():
            build_data["force_include"][str(Path(self.root) / source)] = f"meetings/_web/{target}"
