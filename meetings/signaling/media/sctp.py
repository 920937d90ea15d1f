"""Data channels (RFC 8831, RFC 8832) over DTLS: aiortc's SCTP association behind a small adapter, with limits.

aiortc asks of its DTLS transport what `_Adapter` offers, by private names; a test names each of them. Its parsers trust
lengths, so packets are looked through before it sees them, and whatever it raises ends here.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, cast

from aiortc import RTCDataChannel, RTCSctpTransport
from aiortc.rtcdatachannel import RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities

from meetings.signaling.media.allowance import Allowance
from meetings.signaling.media.dtls import Role
from meetings.signaling.media.wire import Malformed

logger = logging.getLogger(__name__)

MAX_MESSAGE = 65_536
MAX_CHANNELS = 16
_MAX_LABEL = 64

# What waits to be sent on one channel. Beyond it a message is dropped: the receiver is not keeping up.
_MAX_UNSENT = 1 << 20
_MAX_UNSENT_LOSSY = 128 << 10

# What one participant may send: bytes and messages a second, with as much again at once.
_BYTES_PER_SECOND = 2 << 20
_MESSAGES_PER_SECOND = 1_000

_MAX_OUT_OF_ORDER = 4096
_MAX_ERRORS = 20

_CHUNK = struct.Struct("!BBH")
_PARAMETER = struct.Struct("!HH")
_DATA, _INIT, _INIT_ACK, _SACK, _FORWARD_TSN = 0, 1, 2, 3, 192
# Where parameters begin in the body of the chunks that have any (RFC 9260 section 3.3, RFC 6525 section 3.1).
_PARAMETERS_AT = {_INIT: 16, _INIT_ACK: 16, 4: 0, 5: 0, 6: 0, 9: 0, 130: 0}
_LEAST_BODY = {_DATA: 13, _INIT: 16, _INIT_ACK: 16, _SACK: 12, 7: 4, _FORWARD_TSN: 4}
_LEAST_RECONFIGURATION = {13: 12, 16: 8, 17: 8}


class Listener(Protocol):
    """Whoever owns the channels."""

    def channel_open(self, label: str) -> None: ...
    def message(self, label: str, payload: bytes) -> None: ...


def check_packet(packet: bytes) -> None:
    """Raise Malformed for lengths that aiortc would not survive."""
    position = 12
    kinds = []
    while position + _CHUNK.size <= len(packet):
        kind, _, length = _CHUNK.unpack_from(packet, position)
        if length < _CHUNK.size or position + length > len(packet):
            raise Malformed("SCTP chunk is longer than its packet")
        _check_chunk(kind, packet[position + _CHUNK.size : position + length])
        kinds.append(kind)
        position += length + -length % 4
    if not kinds or (_INIT in kinds and len(kinds) > 1):
        raise Malformed("not an SCTP packet")


def _check_chunk(kind: int, body: bytes) -> None:
    if len(body) < _LEAST_BODY.get(kind, 0):
        raise Malformed("SCTP chunk is shorter than its kind")
    if kind in _PARAMETERS_AT:
        _check_parameters(kind, body[_PARAMETERS_AT[kind] :])
    elif kind == _SACK:
        _check_sack(body)
    elif kind == _FORWARD_TSN and len(body) % 4:
        raise Malformed("FORWARD TSN is cut off")


def _check_parameters(kind: int, body: bytes) -> None:
    position = 0
    while position + _PARAMETER.size <= len(body):
        parameter, length = _PARAMETER.unpack_from(body, position)
        if length < _PARAMETER.size or position + length > len(body):
            raise Malformed("SCTP parameter has an impossible length")
        value = length - _PARAMETER.size
        if kind == 130 and (value < _LEAST_RECONFIGURATION.get(parameter, 0) or value % 2):
            raise Malformed("SCTP reconfiguration is cut off")
        position += length + -length % 4


def _check_sack(body: bytes) -> None:
    gaps, duplicates = _PARAMETER.unpack_from(body, 8)
    if len(body) < 12 + 4 * (gaps + duplicates):
        raise Malformed("SACK is cut off")
    blocks = [_PARAMETER.unpack_from(body, 12 + 4 * index) for index in range(gaps)]
    if any(first > last for first, last in blocks) or sum(last - first for first, last in blocks) > 1 << 16:
        raise Malformed("SACK with impossible gaps")


class _Adapter:
    """What RTCSctpTransport uses of RTCDtlsTransport."""

    state = "connected"

    def __init__(self, role: Role, send: Callable[[bytes], None]) -> None:
        self._role = role
        self._send = send

    def _register_data_receiver(self, receiver: object) -> None:
        """Packets are handed over by `DataChannels.receive`."""

    def _unregister_data_receiver(self, receiver: object) -> None:
        """As above."""

    async def _send_data(self, data: bytes) -> None:
        self._send(data)


class DataChannels:
    """The data channels of one transport, by label. Needs a running event loop."""

    def __init__(
        self,
        role: Role,
        send: Callable[[bytes], None],
        listener: Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.closed = False
        self._clock = clock
        self._listener = listener
        self._association: Any = RTCSctpTransport(cast(Any, _Adapter(role, send)), port=5000)
        self._association.on("datachannel", self._accepted)
        self._channels: dict[str, Any] = {}
        self._bytes = Allowance(_BYTES_PER_SECOND, 2 * _BYTES_PER_SECOND)
        self._messages = Allowance(_MESSAGES_PER_SECOND, 2 * _MESSAGES_PER_SECOND)
        self._errors = 0
        self._complained = False

    def start(self, remote_port: int, max_message_size: int) -> None:
        """Begin the association; both sides do (RFC 8841 section 9.3)."""
        _run(self._association.start(RTCSctpCapabilities(maxMessageSize=max_message_size), remote_port))

    def open(self, label: str, *, ordered: bool, max_retransmits: int | None) -> None:
        """Open a channel of ours; `channel_open` follows when the peer has acknowledged it."""
        parameters = RTCDataChannelParameters(label=label, ordered=ordered, maxRetransmits=max_retransmits)
        channel: Any = RTCDataChannel(self._association, parameters)
        channel.on("open", lambda: self._listener.channel_open(label))
        self._add(channel)

    def receive(self, packet: bytes) -> None:
        """Take what came in one DTLS record. Never raises."""
        if self.closed:
            return
        try:
            check_packet(packet)
            _run(self._association._handle_data(packet))
        except Malformed as error:
            self._spoiled(error)
        except Exception as error:  # the edge to a library that asserts on what peers send
            self._spoiled(error)
        if self._overrun():
            self._spoiled(Malformed("more out of order or unfinished than announced"), fatal=True)

    def send(self, label: str, payload: bytes) -> bool:
        """Send one message; False when the channel is not open or has too much waiting."""
        channel = self._channels.get(label)
        if self.closed or channel is None or channel.readyState != "open" or len(payload) > MAX_MESSAGE:
            return False
        limit = _MAX_UNSENT if channel.maxRetransmits is None else _MAX_UNSENT_LOSSY
        if channel.bufferedAmount + len(payload) > limit:
            return False
        try:
            channel.send(payload)
        except ValueError:  # the peer takes only smaller messages
            return False
        return True

    def close(self) -> None:
        """End the association; may be called again."""
        if self.closed:
            return
        self.closed = True
        try:
            _run(self._association.stop())
        except Exception:  # the same edge: nothing it raises may keep a transport from closing
            logger.debug("SCTP did not stop cleanly", exc_info=True)

    def _accepted(self, channel: Any) -> None:
        if len(self._channels) >= MAX_CHANNELS or len(channel.label) > _MAX_LABEL:
            channel.close()
            return
        self._add(channel)
        self._listener.channel_open(channel.label)

    def _add(self, channel: Any) -> None:
        self._channels[channel.label] = channel
        channel.on("message", lambda message: self._message(channel.label, message))

    def _message(self, label: str, message: str | bytes) -> None:
        payload = message.encode() if isinstance(message, str) else message
        now = self._clock()
        if len(payload) <= MAX_MESSAGE and self._messages.take(now) and self._bytes.take(now, len(payload)):
            self._listener.message(label, payload)
        elif not self._complained:
            self._complained = True
            logger.warning("data messages over the limit are dropped (%s bytes on %s)", len(payload), label)

    def _overrun(self) -> bool:
        association = self._association
        return (
            association._advertised_rwnd < -MAX_MESSAGE
            or len(association._sack_misordered) > _MAX_OUT_OF_ORDER
            or len(association._data_channels) > 4 * MAX_CHANNELS
        )

    def _spoiled(self, error: Exception, *, fatal: bool = False) -> None:
        self._errors += 1
        logger.debug("SCTP packet dropped: %r", error)
        if fatal or self._errors > _MAX_ERRORS:
            logger.warning("data channels closed: %r", error)
            self.close()


def _run(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine that never really waits (`_send_data` does not) to its end, here and now: order is kept."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("an SCTP coroutine waited for something")
