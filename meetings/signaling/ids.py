"""Names the relay gives: ids of participants, tracks, rooms and events, in the form that clients of LiveKit expect."""

from __future__ import annotations

import secrets
import string

_CHARACTERS = string.ascii_letters + string.digits


def new_sid(prefix: str) -> str:
    """`PA_…`, `TR_…`, `RM_…`, `EV_…`: 12 random letters and digits, 71 bits."""
    return f"{prefix}_{''.join(secrets.choice(_CHARACTERS) for _ in range(12))}"
