"""A small WebRTC peer for tests: true ICE checks, DTLS and SRTP over one UDP socket, driven by the event loop."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket

from meetings.signaling.media import rtcp, rtp, srtp, stun
from meetings.signaling.media.dtls import Certificate, Dtls, Role
from meetings.signaling.media.process import WorkerLink
from meetings.signaling.media.schema import CreateTransport, SetRemote, TransportId
from meetings.signaling.media.sctp import DataChannels
from meetings.signaling.media.stun import Address

_RETRY_SECONDS = 0.05


class RtClient:
    """One peer. Received packets are kept, decrypted, in `packets` (RTP) and `reports` (RTCP)."""

    def __init__(
        self, certificate: Certificate | None = None, *, nominate: bool = False, role: Role = "client"
    ) -> None:
        self.certificate = certificate or Certificate()
        self.role: Role = role
        self.wire: list[bytes] = []  # datagrams as they came
        self.packets: list[bytes] = []
        self.reports: list[rtcp.Packet] = []
        self.messages: list[tuple[str, bytes]] = []
        self.open_channels: list[str] = []
        self.answers = 0
        self.failed = 0  # packets that did not authenticate
        self.connected = asyncio.Event()
        self.closed_by_peer = False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.remote: Address = ("", 0)
        self.channels: DataChannels | None = None
        self._dtls = Dtls(self.certificate, role)
        self.password = ""  # when given, checks of the other side are answered
        self._nominate = nominate
        self._username = self._password = ""
        self._tx: srtp.Outbound | None = None
        self._rx: srtp.Inbound | None = None

    def open(self, host: str = "127.0.0.1") -> None:
        """Bind a socket, on loopback unless told otherwise, and listen."""
        self.socket.setblocking(False)
        self.socket.bind((host, 0))
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._readable)

    def transmit(self, datagram: bytes) -> None:
        """Send one datagram to the other side."""
        self.socket.sendto(datagram, self.remote)

    def turn_deaf(self) -> None:
        """Read nothing any more: the kernel drops, and counts, what comes."""
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    @property
    def port(self) -> int:
        """Our UDP port."""
        return int(self.socket.getsockname()[1])

    @property
    def keys(self) -> str:
        """The agreed protection profile."""
        return self._dtls.keys.profile.openssl_name.decode() if self._dtls.keys else ""

    def aim(self, remote: Address, ufrag: str, password: str, fingerprint: str) -> None:
        """What signalling told us about the other side."""
        self.remote = remote
        self.aim_again(ufrag, password)
        self._dtls.expect("sha-256", fingerprint)

    def aim_again(self, ufrag: str, password: str) -> None:
        """New credentials after an ICE restart."""
        self._username, self._password = f"{ufrag}:client", password

    async def connect(self, seconds: float = 10.0) -> None:
        """Check until answered, then shake hands."""
        async with asyncio.timeout(seconds):
            while not self.connected.is_set():
                if not self.answers:
                    self.check()
                else:
                    self._dtls.handle_timeout()
                    self._flush()
                try:
                    await asyncio.wait_for(self.connected.wait(), _RETRY_SECONDS)
                except TimeoutError:
                    continue

    def check(self, *, nominate: bool = False) -> None:
        """Send one connectivity check."""
        request = stun.binding_request(
            os.urandom(12),
            self._username,
            self._password,
            priority=2_130_706_431,
            tie_breaker=1,
            nominate=nominate or self._nominate,
        )
        self.transmit(request)

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send."""
        assert self._tx is not None
        protected = self._tx.protect(packet)
        assert protected is not None
        self.transmit(protected)

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send."""
        assert self._tx is not None
        protected = self._tx.protect_rtcp(packet)
        assert protected is not None
        self.transmit(protected)

    def start_data(self) -> DataChannels:
        """Begin an SCTP association."""
        self.channels = DataChannels(self.role, self._send_record, self)
        self.channels.start(5000, 65_536)
        return self.channels

    def close(self) -> None:
        """Say goodbye and close the socket."""
        if self.channels is not None:
            self.channels.close()
        self._dtls.close()
        self._flush()
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()

    # what DataChannels tells

    def channel_open(self, label: str) -> None:
        self.open_channels.append(label)

    def message(self, label: str, payload: bytes) -> None:
        self.messages.append((label, payload))

    def _readable(self) -> None:
        for _ in range(100):
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            self.take(data)

    def take(self, data: bytes) -> None:
        self.wire.append(data)
        if data[0] < 4:
            self._take_stun(stun.parse(data))
        elif data[0] < 64:
            self._take_dtls(data)
        elif rtp.is_rtcp(data):
            self._take_rtcp(data)
        else:
            self._take_rtp(data)

    def _take_stun(self, message: stun.Message) -> None:
        if message.kind == stun.REQUEST and self.password and self.remote[1] and message.signed_with(self.password):
            self.transmit(stun.binding_success(message.transaction_id, self.remote, self.password))
        if message.kind == stun.SUCCESS and message.signed_with(self._password):
            self.answers += 1
            if self.answers == 1:
                self._dtls.start()
                self._flush()

    def _take_dtls(self, data: bytes) -> None:
        records = self._dtls.receive(data)
        self._flush()
        if self._dtls.keys is not None and self._tx is None:
            keys = self._dtls.keys
            self._tx, self._rx = srtp.Outbound(keys.profile, keys.local), srtp.Inbound(keys.profile, keys.remote)
            self.connected.set()
        self.closed_by_peer = self._dtls.state == "closed"
        for record in records:
            if self.channels is None:
                self.start_data()
            assert self.channels is not None
            self.channels.receive(record)

    def _take_rtp(self, data: bytes) -> None:
        packet = self._rx.unprotect(data) if self._rx is not None else None
        if packet is None:
            self.failed += 1
        else:
            self.packets.append(packet)

    def _take_rtcp(self, data: bytes) -> None:
        packet = self._rx.unprotect_rtcp(data) if self._rx is not None else None
        if packet is None:
            self.failed += 1
        else:
            self.reports += rtcp.parse(packet)

    def _send_record(self, packet: bytes) -> None:
        self._dtls.send(packet)
        self._flush()

    def _flush(self) -> None:
        for datagram in self._dtls.take_output():
            self.transmit(datagram)


async def join(
    link: WorkerLink,
    name: str,
    remote: Address,
    fingerprint: str,
    *,
    certificate: Certificate | None = None,
    sctp_port: int = 0,
    open_channels: list[tuple[str, bool, int | None]] | None = None,
    client: RtClient | None = None,
) -> RtClient:
    """A connected client on a new transport called `name`."""
    client = client or RtClient(certificate)
    client.open()
    ufrag, password = secrets.token_hex(4), secrets.token_hex(12)
    transport_id = TransportId(name)
    link.send(CreateTransport(transport_id, ufrag, password))
    link.send(
        SetRemote(
            transport_id,
            "client",
            "sha-256",
            client.certificate.fingerprint(),
            sctp_port=sctp_port,
            open_channels=open_channels or [],
            dtls_passive=client.role == "server",
        )
    )
    client.aim(remote, ufrag, password, fingerprint)
    await client.connect()
    return client
