"""Which addresses the worker announces for media: the configured ones, else the default route's and loopback."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

# A documentation address (RFC 5737): connecting a UDP socket to it sends nothing, the kernel only picks a route.
_ANYWHERE = ("192.0.2.1", 9)

LOOPBACK = "127.0.0.1"


class NoUsableAddress(Exception):
    """There is no address under which a browser could reach this machine."""


def default_route_address() -> str | None:
    """The source address the kernel would use towards the outside, or None without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ANYWHERE)
        except OSError:
            return None
        address = str(probe.getsockname()[0])
    return None if ipaddress.ip_address(address).is_unspecified else address


def announced(configured: Sequence[str], route_address: Callable[[], str | None] = default_route_address) -> list[str]:
    """IPv4 addresses to announce, best first.

    Configured addresses are taken as they are. By default loopback comes last, for browsers on this machine when its
    network is gone; it costs every other browser one failing check.
    """
    if configured:
        return [_ipv4(address) for address in configured]
    address = route_address()
    if address is None:
        raise NoUsableAddress(
            "This machine has no default route, so no address for media is known. Say which with --announce ADDRESS."
        )
    return [address] if address == LOOPBACK else [address, LOOPBACK]


def _ipv4(address: str) -> str:
    try:
        return str(ipaddress.IPv4Address(address))
    except ValueError as error:
        raise NoUsableAddress(f"“{address}” is not an IPv4 address; --announce takes numeric addresses.") from error
