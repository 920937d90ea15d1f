"""Which addresses the worker announces for media: the configured ones, else the default routes' and loopback."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence

# Documentation addresses (RFC 5737, RFC 3849): connecting a UDP socket to one sends nothing, the kernel only picks a
# route.
_ANYWHERE = {socket.AF_INET: ("192.0.2.1", 9), socket.AF_INET6: ("2001:db8::1", 9)}

LOOPBACK = "127.0.0.1"


class NoUsableAddress(Exception):
    """There is no address under which a browser could reach this machine."""


def default_route_addresses() -> list[str]:
    """The source addresses the kernel would use towards the outside, IPv4 first; none without a route."""
    return [found for family in _ANYWHERE if (found := _route_address(family)) is not None]


def _route_address(family: socket.AddressFamily) -> str | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(_ANYWHERE[family])
            address = ipaddress.ip_address(probe.getsockname()[0])
    except OSError:
        return None
    return None if address.is_unspecified or address.is_link_local else str(address)


def announced(
    configured: Sequence[str], route_addresses: Callable[[], list[str]] = default_route_addresses
) -> list[str]:
    """Addresses to announce, best first.

    Configured addresses are taken as they are; `INNER=OUTER` names a machine behind address translation by both, the
    outer one first. Loopback comes last: browsers on this machine cannot reach an outer address when its network is
    gone or does not send them back, and every other browser loses no more than a failing check.
    """
    if configured:
        named = [_address(one) for entry in configured for one in reversed(entry.split("="))]
        return _with_loopback(list(dict.fromkeys(named)))
    addresses = route_addresses()
    if not addresses:
        raise NoUsableAddress(
            "This machine has no default route, so no address for media is known. Say which with --announce ADDRESS."
        )
    return _with_loopback(addresses)


def off_route(
    addresses: Sequence[str], route_addresses: Callable[[], list[str]] = default_route_addresses
) -> list[str]:
    """Those that answers to far peers would not come from by themselves."""
    usual = route_addresses()
    return [address for address in addresses if address not in usual]


def _with_loopback(addresses: list[str]) -> list[str]:
    return addresses if LOOPBACK in addresses else [*addresses, LOOPBACK]


def _address(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError as error:
        raise NoUsableAddress(f"“{text}” is not an IP address; --announce takes numeric addresses.") from error
    if address.is_unspecified or address.is_multicast:
        raise NoUsableAddress(f"“{text}” is not the address of a machine; --announce takes what browsers can reach.")
    return str(address)
