"""One peer: its ICE agent, DTLS association, SRTP keys, data channels, and the tracks that come and go over it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from meetings.signaling.media import rtcp, schema, srtp
from meetings.signaling.media.dtls import Certificate, Dtls
from meetings.signaling.media.forward import Sender
from meetings.signaling.media.ice import Agent, Checked, Credentials
from meetings.signaling.media.receive import Receiver
from meetings.signaling.media.rtcp.compound import TRANSPORT_FEEDBACK
from meetings.signaling.media.rtcp.twcc import FORMAT as TWCC_FORMAT
from meetings.signaling.media.sctp import DataChannels
from meetings.signaling.media.stun import Address, Message
from meetings.signaling.media.subscriber import Subscriber
from meetings.signaling.media.wire import Malformed

logger = logging.getLogger(__name__)

# From the first connectivity check to the end of the DTLS handshake.
_HANDSHAKE_SECONDS = 30.0

_SRTCP_TRAILER = 20  # index and authentication tag: less than any second packet within a compound

_FEEDBACK_SSRC = 1  # we send no media of our own to name


class Transport:
    """All about one peer connection. Its loss is reported once; closing it is decided by the control process."""

    feedback_ssrc = _FEEDBACK_SSRC

    def __init__(
        self,
        command: schema.CreateTransport,
        certificate: Certificate,
        sender: Sender,
        emit: Callable[[schema.Event], None],
    ) -> None:
        self.id = command.transport_id
        self.agent = Agent(Credentials(command.ice_ufrag, command.ice_pwd))
        self.receiver = Receiver(_FEEDBACK_SSRC, self.send_rtcp)
        self.subscriber = Subscriber(sender, emit)
        self.outbound: srtp.Outbound | None = None
        self.dropped = 0
        self._inbound: srtp.Inbound | None = None
        self._certificate = certificate
        self._dtls = Dtls(certificate, "server")
        self._greets = False  # a handshake of ours is still to begin
        self._data: DataChannels | None = None
        self._remote: schema.SetRemote | None = None
        self._sender = sender
        self._emit = emit
        self._lost = False
        self._checked_at: float | None = None

    @property
    def connected(self) -> bool:
        """Whether media can be sent."""
        return self.outbound is not None and not self._lost and self.agent.selected is not None

    @property
    def selected(self) -> Address | None:
        """Where to send."""
        return self.agent.selected

    # ------------------------------------------------------------------------------------------ connecting

    def set_remote(self, command: schema.SetRemote) -> None:
        """The remote description; again after an ICE restart."""
        again = self._remote is not None
        self._remote = command
        if not again and command.dtls_passive:
            self._dtls, self._greets = Dtls(self._certificate, "client"), True
        if not again:
            self._dtls.expect(command.fingerprint_algorithm, command.fingerprint)
            self._after_dtls()
        elif self.connected:
            self._start_data(command)

    def check(self, request: Message, source: Address, now: float) -> Checked | None:
        """A connectivity check for one of our ufrags; the caller answers it."""
        nowhere = self.selected is None
        checked = self.agent.check(request, source, now)
        if checked is None:
            return None
        if self._checked_at is None:
            self._checked_at = now
        if checked.moved:
            self._moved(nowhere, now)
        if checked.restarted and self.connected:
            self._emit(schema.TransportConnected(self.id))
        return checked

    def forget(self, address: Address) -> None:
        """A TCP connection of the peer closed; it goes on at another address, or comes back."""
        if self.agent.forget(address) and self.selected is not None:
            self.subscriber.readdress()

    def _moved(self, nowhere: bool, now: float) -> None:
        self.subscriber.readdress()
        if nowhere and self.connected:  # its consumers may have been left without a layer meanwhile
            self.subscriber.reselect(now)

    def take_dtls(self, datagram: bytes) -> None:
        """One datagram from a checked address."""
        before = self._dtls.state
        data = self._dtls.receive(datagram)
        self._flush()
        if before != self._dtls.state:
            self._after_dtls()
        for record in data:
            if self._data is not None:
                self._data.receive(record)

    def _after_dtls(self) -> None:
        if self._dtls.state == "connected" and self.outbound is None and self._remote is not None:
            self._connect(self._remote)
        elif self._dtls.state == "failed":
            self.lose("DTLS failed: wrong fingerprint or no common protection profile")
        elif self._dtls.state == "closed":
            self.lose("the peer closed")

    def _connect(self, remote: schema.SetRemote) -> None:
        keys = self._dtls.keys
        assert keys is not None
        self.outbound = srtp.Outbound(keys.profile, keys.local)
        self._inbound = srtp.Inbound(keys.profile, keys.remote)
        self._emit(schema.TransportConnected(self.id))
        self._start_data(remote)
        self.subscriber.reselect(self.agent.heard_at)

    def _start_data(self, remote: schema.SetRemote) -> None:
        """Begin the association with the first description that has one."""
        if self._data is not None or not remote.sctp_port:
            return
        self._data = DataChannels(self._dtls.role, self._send_record, self)
        self._data.start(remote.sctp_port, remote.max_message_size)
        for label, ordered, max_retransmits in remote.open_channels:
            self._data.open(label, ordered=ordered, max_retransmits=max_retransmits)

    def lose(self, reason: str) -> None:
        """Say once that the peer is gone."""
        if self._lost:
            return
        self._lost = True
        self.subscriber.reselect(self.agent.heard_at)
        self._emit(schema.TransportLost(self.id, reason))

    def close(self) -> None:
        """Tell the peer and let go of everything."""
        self._lost = True
        if self._data is not None:
            self._data.close()
        self._dtls.close()
        self._flush()

    # ------------------------------------------------------------------------------------------ media

    def take_srtp(self, buffer: srtp.Buffer, size: int, source: Address, now: float) -> None:
        """One SRTP or SRTCP packet in the receive buffer, from a checked address. Never raises on what it contains."""
        inbound = self._inbound
        if inbound is None or self._lost:
            return
        try:
            if 192 <= buffer.data[1] <= 223:
                if self._is_unneeded(buffer, size, now):
                    return
                report = inbound.unprotect_rtcp(bytes(buffer.view[:size]))
                if report is not None:
                    self._heard_from(source, now)
                    self._take_rtcp(rtcp.parse(report), now)
                return
            buffer.length[0] = size
            if srtp.unprotect_in_place(inbound.handle, buffer.pointer, buffer.length):
                self.dropped += 1
                return
            self._heard_from(source, now)
            self.receiver.take(bytes(buffer.view[: buffer.length[0]]), now)
        except Malformed:
            self.dropped += 1

    def _is_unneeded(self, buffer: srtp.Buffer, size: int, now: float) -> bool:
        """Transport-wide feedback alone, as the part of it says that is not encrypted, on a way that is known well."""
        data = buffer.data
        if data[1] != TRANSPORT_FEEDBACK or data[0] & 0x1F != TWCC_FORMAT:
            return False
        alone = size - 4 * (data[2] << 8 | data[3]) - 4 <= _SRTCP_TRAILER
        return alone and self.selected is not None and self.subscriber.way.unneeded(now)

    def _heard_from(self, source: Address, now: float) -> None:
        if source == self.agent.selected:
            self.agent.heard_at = now
            return
        nowhere = self.selected is None
        if self.agent.heard(source, now):
            self._moved(nowhere, now)

    def send_rtcp(self, packet: bytes) -> None:
        """One compound packet to the peer."""
        if self.outbound is not None and self.selected is not None:
            protected = self.outbound.protect_rtcp(packet)
            if protected is not None:
                self._sender.datagram(protected, self.selected)

    def _take_rtcp(self, packets: list[rtcp.Packet], now: float) -> None:
        for packet in packets:
            if isinstance(packet, rtcp.SenderReport):
                self.receiver.sender_report(packet, now)
            self.subscriber.take(packet, now)

    # ------------------------------------------------------------------------------------------ data

    def send_data(self, label: str, payload: bytes) -> None:
        """One message; dropped when the channel cannot take it."""
        if self._data is not None:
            self._data.send(label, payload)

    def channel_open(self, label: str) -> None:
        """A data channel can be written to."""
        self._emit(schema.DataChannelOpen(self.id, label))

    def message(self, label: str, payload: bytes) -> None:
        """A message within all limits."""
        self._emit(schema.DataReceived(self.id, label, payload))

    def _send_record(self, packet: bytes) -> None:
        self._dtls.send(packet)
        self._flush()

    def _flush(self) -> None:
        for datagram in self._dtls.take_output():
            if self.selected is not None:
                self._sender.datagram(datagram, self.selected)

    # ------------------------------------------------------------------------------------------ time

    def tick(self, now: float) -> None:
        """Every 100 ms: handshake timer, consent."""
        if self._greets and self.selected is not None:
            self._greets = False
            self._dtls.start()
            self._flush()
        timeout = self._dtls.timeout()
        if timeout is not None and timeout <= 0:
            self._dtls.handle_timeout()
            self._flush()
        self._dtls.repeat(now)
        self._flush()
        if self.agent.expired(now):
            self.lose("nothing heard for 15 s")
        elif self._checked_at is not None and self.outbound is None and now - self._checked_at > _HANDSHAKE_SECONDS:
            self.lose("DTLS did not finish in 30 s")
        if self.connected:
            self.subscriber.way.tick(now)

    def feed_back(self, now: float) -> None:
        """Every 50 ms: transport-wide feedback."""
        if self.connected:
            self.receiver.feed_back(now)

    def take_statistics(self) -> list[schema.Event]:
        """Every few seconds: how both directions have been."""
        heard = self.subscriber.take_statistics(self.id)
        worst = self.receiver.take_worst()
        return [one for one in (heard, worst and schema.ProducerStats(self.id, *worst)) if one]

    def report(self, now: float) -> None:
        """Every second: receiver reports to a publisher, sender reports to a subscriber."""
        if not self.connected:
            return
        self.receiver.report(now)
        for packet in self.subscriber.report(now):
            self.send_rtcp(packet)
