"""One timestamp line out of several: where a layer's timestamps stand on the line a subscriber already has."""

from __future__ import annotations

from meetings.signaling.media.stream import Stream

# A frame that would land further than this from where the clock says it should is not believed.
_TOLERANCE_SECONDS = 1.0


def continue_timestamp(
    timestamp: int,
    stream: Stream | None,
    stream_before: Stream | None,
    offset_before: int,
    last: int,
    elapsed: float,
    clock_rate: int,
) -> int:
    """The outgoing timestamp of the first packet after a switch.

    Where both layers have sender reports it is exact, on the publisher's clock; else the time that passed since the
    last outgoing timestamp. Always later than that, because two frames must not share a timestamp.
    """
    expected = last + max(1, int(elapsed * clock_rate))
    exact = _by_reports(timestamp, stream, stream_before, offset_before, clock_rate)
    if exact is None or abs(_signed(exact - expected)) > _TOLERANCE_SECONDS * clock_rate:
        return expected & 0xFFFFFFFF
    return exact & 0xFFFFFFFF if _signed(exact - last) > 0 else last + 1 & 0xFFFFFFFF


def _by_reports(
    timestamp: int, stream: Stream | None, stream_before: Stream | None, offset_before: int, clock_rate: int
) -> int | None:
    report = stream.sender_report if stream is not None else None
    before = stream_before.sender_report if stream_before is not None else None
    if report is None or before is None:
        return None
    seconds = (report.ntp - before.ntp) / (1 << 32) + _signed(timestamp - report.timestamp) / clock_rate
    return before.timestamp + offset_before + round(seconds * clock_rate)


def _signed(difference: int) -> int:
    """A difference of two 32-bit timestamps, wrapped into -2^31 to 2^31."""
    return (difference + 0x80000000 & 0xFFFFFFFF) - 0x80000000
