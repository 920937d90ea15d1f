"""Which pages may connect: a browser says in Origin whose page it runs, and nobody else says anything there."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

ANY_LABEL = "*."


def may_connect(origin: str | None, host: str, origins: Sequence[str]) -> bool:
    """`host` is what the request calls us. No list: any page; no origin: not a browser.

    `https://*.example:8443` is what a wildcard certificate covers: one label more. As such a certificate does not say
    which of these names is ours, the page must be one of the name under which it calls us.
    """
    if not origins or origin is None or origin in origins:
        return True
    return any(_covers(one, origin) for one in origins) and _name(f"//{host}") == _name(origin)


def _covers(pattern: str, origin: str) -> bool:
    scheme, _, rest = pattern.partition("://")
    given_scheme, _, given = origin.partition("://")
    label, _, parent = given.partition(".")
    return rest.startswith(ANY_LABEL) and scheme == given_scheme and bool(label) and parent == rest.removeprefix("*.")


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
