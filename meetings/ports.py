"""Owns the list of ports an installation wants for itself, and whether they are free."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass

from meetings.config import Settings
from meetings.errors import N_


@dataclass(frozen=True)
class Port:
    """A port this installation wants for itself, and what for (translated when shown)."""

    number: int
    protocol: str  # "tcp" | "udp"
    host: str
    purpose: str
    option: str
    needed: bool = True  # taken by another program, the system does not start; else it goes on without


def ports(settings: Settings) -> list[Port]:
    """Every port that is bound, in the order a firewall's rules would name them."""
    everywhere = "0.0.0.0"  # noqa: S104 media is for all
    found = [
        Port(settings.https_port, "tcp", settings.https_host, N_("trang web, https"), "--https-port"),
        Port(settings.relay_tls_port, "tcp", settings.https_host, N_("báo hiệu cuộc họp, wss"), "--relay-tls-port"),
        Port(settings.media_port, "udp", everywhere, N_("âm thanh và hình ảnh"), "--media-port"),
        Port(settings.media_tcp_port, "tcp", everywhere, N_("âm thanh và hình ảnh qua TCP"), "--media-tcp-port", False),
        Port(settings.port, "tcp", settings.host, N_("trang web, http, chỉ máy này"), "--port"),
        Port(settings.relay_port, "tcp", "127.0.0.1", N_("máy chủ báo hiệu, chỉ máy này"), "--relay-port"),
    ]
    relays = ("--relay-tls-port", "--media-port", "--media-tcp-port", "--relay-port")
    return [port for port in found if port.number and (settings.own_relay or port.option not in relays)]


def taken(port: Port) -> bool:
    """Whether another program holds the port now."""
    kind = socket.SOCK_DGRAM if port.protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        if port.protocol == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False
