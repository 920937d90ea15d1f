"""What an examination of the installation finds: one thing looked at, and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `remedy` is empty when there is nothing to mend; both are translated when shown."""

    level: Level
    subject: str
    saw: str
    remedy: str = ""
    seen: Mapping[str, object] = field(default_factory=dict)  # what is filled into `saw`
