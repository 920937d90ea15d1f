"""A participant's transport: ICE controlling, DTLS active, SRTP, on one UDP socket of its own.

Works against lite and full agents: every known address of the server is checked and nominated at once, the first that
answers is used, and checks of a full agent are answered. Nobody gathers candidates: the server learns ours from the
checks (RFC 8445 section 7.3.1.3). Consent is asked for every 2.5 s (RFC 7675).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable
from typing import Protocol

from meetings.signaling.client_sdp import LocalEnd, RemoteCandidate, RemoteEnd
from meetings.signaling.media import srtp, stun
from meetings.signaling.media.dtls import Certificate, Dtls
from meetings.signaling.media.rtp import is_rtcp
from meetings.signaling.media.stun import Address
from meetings.signaling.media.wire import Malformed

CHECK_EVERY = 0.05
CONSENT_EVERY = 2.5
SILENCE_LIMIT = 8.0  # nothing authentic for this long: the way is dead
CONNECT_LIMIT = 10.0
MAX_CANDIDATES = 50
# A full agent that offered believes it controls, too: the greater number decides (RFC 8445 section 7.3.1.1).
TIE_BREAKER = 2**64 - 1
_DRAIN = 128  # datagrams per wake-up, so that timers get their turn
_RECEIVE_BUFFER = 4 * 1024 * 1024
_HOST_PRIORITY = 126 << 24 | 65_535 << 8 | 255


class TransportListener(Protocol):
    """Whoever owns the transport; called on the event loop."""

    def media(self, packet: bytes, arrival: float) -> None: ...
    def reports(self, packet: bytes, arrival: float) -> None: ...
    def application(self, data: bytes) -> None: ...
    def connected(self) -> None: ...
    def lost(self, reason: str) -> None: ...


class ClientTransport:
    """One transport's life: `connect` once, `restart` when the server offers new credentials, `close`."""

    def __init__(self, listener: TransportListener, clock: Callable[[], float] = time.monotonic) -> None:
        self._listener = listener
        self._clock = clock
        self._certificate = Certificate()
        self._dtls = Dtls(self._certificate, "client")
        self.local = LocalEnd(secrets.token_hex(4), secrets.token_hex(12), self._certificate.fingerprint())
        self._remote: RemoteEnd | None = None
        self._candidates: dict[Address, None] = {}
        self._selected: Address | None = None
        self._transactions: dict[bytes, Address] = {}
        self._heard = 0.0
        self._inbound: srtp.Inbound | None = None
        self._outbound: srtp.Outbound | None = None
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def connect(self, remote: RemoteEnd) -> None:
        """Begin, or after an ICE restart begin again while media goes on over the old pair."""
        restarted = self._remote is not None and remote.ice_ufrag != self._remote.ice_ufrag
        first = self._remote is None
        self._remote = remote
        for candidate in remote.candidates:
            self.add_candidate(candidate)
        if first:
            self._dtls.expect(remote.fingerprint_algorithm, remote.fingerprint)
            self._heard = self._clock()
            self._task = asyncio.create_task(self._run())
        elif restarted:
            self._transactions.clear()
            self._check_all()

    def add_candidate(self, candidate: RemoteCandidate) -> None:
        """Another address of the server (trickled)."""
        if len(self._candidates) < MAX_CANDIDATES:
            with contextlib.suppress(ValueError):
                self._candidates.setdefault(_address(candidate), None)

    def send_reports(self, packet: bytes) -> None:
        """Protect and send RTCP."""
        protected = self._outbound.protect_rtcp(packet) if self._outbound else None
        if protected:
            self._send(protected, self._selected)

    def send_media(self, packet: bytes) -> None:
        """Protect and send RTP."""
        protected = self._outbound.protect(packet) if self._outbound else None
        if protected:
            self._send(protected, self._selected)

    def send_application(self, data: bytes) -> None:
        """Send data over DTLS (SCTP packets)."""
        self._dtls.send(data)
        self._flush()

    async def close(self) -> None:
        """Say goodbye and free the socket. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._dtls.close()
        self._flush()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._close_socket()

    # ------------------------------------------------------------------------------------------ socket

    def _open_socket(self) -> socket.socket:
        # An IPv6 socket takes IPv4 addresses too, unless the machine has no IPv6.
        try:
            opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            opened.bind(("::", 0))
        except OSError:
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.bind(("0.0.0.0", 0))  # noqa: S104 - the kernel chooses the interface towards the server
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        asyncio.get_running_loop().add_reader(opened, self._readable, opened)
        return opened

    def _close_socket(self) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _send(self, data: bytes, to: Address | None) -> None:
        if to is None or self._socket is None:
            return
        mapped = ("::ffff:" + to[0], to[1]) if self._socket.family == socket.AF_INET6 and "." in to[0] else to
        with contextlib.suppress(OSError):  # a full buffer or an unreachable network: the protocols above repeat
            self._socket.sendto(data, mapped)

    def _readable(self, source: socket.socket) -> None:
        for _ in range(_DRAIN):
            try:
                data, address = source.recvfrom(2048)
            except OSError:
                return
            if len(data) > 1:
                self._received(data, (address[0].removeprefix("::ffff:"), address[1]))
            if self._closed:
                return

    def _received(self, data: bytes, source: Address) -> None:
        first = data[0]
        if first < 4:
            self._stun(data, source)
        elif source not in self._candidates:
            return  # only addresses that passed a check may speak to DTLS and SRTP
        elif 20 <= first < 64:
            self._application(data)
        elif first >= 128 and self._inbound is not None:
            self._protected(data)

    def _protected(self, data: bytes) -> None:
        assert self._inbound is not None
        now = self._clock()
        if is_rtcp(data):
            plain = self._inbound.unprotect_rtcp(data)
            if plain is not None:
                self._heard = now
                self._listener.reports(plain, now)
            return
        plain = self._inbound.unprotect(data)
        if plain is not None:
            self._heard = now
            self._listener.media(plain, now)

    # --------------------------------------------------------------------------------------------- ICE

    def _check_all(self) -> None:
        for address in self._candidates:
            self._check(address)

    def _check(self, address: Address) -> None:
        assert self._remote is not None
        transaction = os.urandom(12)
        self._transactions[transaction] = address
        while len(self._transactions) > 4 * MAX_CANDIDATES:
            self._transactions.pop(next(iter(self._transactions)))
        request = stun.binding_request(
            transaction,
            f"{self._remote.ice_ufrag}:{self.local.ice_ufrag}",
            self._remote.ice_pwd,
            priority=_HOST_PRIORITY,
            tie_breaker=TIE_BREAKER,
            nominate=True,
        )
        self._send(request, address)

    def _stun(self, data: bytes, source: Address) -> None:
        try:
            message = stun.parse(data)
        except Malformed:
            return
        if message.kind == stun.SUCCESS:
            self._answered(message)
        elif message.kind == stun.REQUEST and message.signed_with(self.local.ice_pwd):
            if len(self._candidates) < MAX_CANDIDATES:
                self._candidates.setdefault(source, None)  # a full agent's peer-reflexive address
            self._send(stun.binding_success(message.transaction_id, source, self.local.ice_pwd), source)

    def _answered(self, message: stun.Message) -> None:
        address = self._transactions.get(message.transaction_id)
        if address is None or self._remote is None or not message.signed_with(self._remote.ice_pwd):
            return
        del self._transactions[message.transaction_id]
        self._heard = self._clock()
        if self._selected is None:
            self._selected = address
            self._dtls.start()
            self._flush()
        elif address != self._selected and self._selected not in self._candidates:
            self._selected = address

    # -------------------------------------------------------------------------------------------- DTLS

    def _application(self, data: bytes) -> None:
        before = self._dtls.state
        received = self._dtls.receive(data)
        self._flush()
        if before == "handshaking" and self._dtls.keys is not None:
            keys = self._dtls.keys
            self._inbound = srtp.Inbound(keys.profile, keys.remote)
            self._outbound = srtp.Outbound(keys.profile, keys.local)
            self._listener.connected()
        for one in received:
            self._listener.application(one)
        if before == "connected" and self._dtls.state == "closed":
            self._give_up("the server closed the transport")

    def _flush(self) -> None:
        for datagram in self._dtls.take_output():
            self._send(datagram, self._selected)

    # ------------------------------------------------------------------------------------------- clock

    async def _run(self) -> None:
        self._socket = self._open_socket()
        started = self._clock()
        while self._dtls.keys is None and self._dtls.state != "failed":
            if self._clock() - started > CONNECT_LIMIT:
                break
            if self._selected is None:
                self._check_all()
            self._dtls.handle_timeout()
            self._flush()
            await asyncio.sleep(CHECK_EVERY)
        if self._dtls.keys is None:
            self._give_up("the server's media port did not answer")
            return
        while self._clock() - self._heard < SILENCE_LIMIT:
            if self._selected is not None:
                self._check(self._selected)
            await asyncio.sleep(CONSENT_EVERY)
        self._give_up("nothing came from the server any more")

    def _give_up(self, reason: str) -> None:
        if not self._closed:
            self._listener.lost(reason)


def _address(candidate: RemoteCandidate) -> Address:
    socket.inet_pton(socket.AF_INET6 if ":" in candidate.host else socket.AF_INET, candidate.host)
    return candidate.host, candidate.port
