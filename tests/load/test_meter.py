"""The measuring itself: what it counts is what was sent, and what the load tool prints is read rightly."""

from __future__ import annotations

import pytest

from meetings.signaling.media import rtcp
from tests.load.lk import outcome
from tests.load.meter import measure, remb, room_of
from tests.reference.programs import skip_without
from tests.reference.servers import Server, livekit_server, relay

SUMMARY = """
│ Sub 1  │ 2/2    │ 2.1mbps               │ 0 (0%)          │ -     │
│ Total  │ 4/4    │ 4.3mbps (2.1mbps avg) │ 12 (0.5%)       │ 0     │
"""


@pytest.mark.conformance
async def test_every_packet_to_every_receiver_is_counted() -> None:
    with relay() as server:
        await _nothing_is_lost(server)


@pytest.mark.conformance
async def test_light_peers_join_livekits_server_too() -> None:
    skip_without("livekit-server")
    with livekit_server(extra={"rtc": {"use_ice_lite": True}}) as server:
        await _nothing_is_lost(server)


async def _nothing_is_lost(server: Server) -> None:
    found = await measure(server, room_of("1 × 3", 1, 3, frames=20, packets=3), 1.0)
    sent = 3 * (20 * 3 + 50)  # a second of pictures and of sound; keyframes are more
    assert found.forwarded > 0.5 * sent
    assert found.loss == 0
    assert 0 < found.p50_ms <= found.p99_ms


def test_an_estimate_is_written_as_it_is_read() -> None:
    (packet,) = rtcp.parse(remb(1, 100_000_000, [7, 8]))
    assert isinstance(packet, rtcp.Remb)
    assert packet.bitrate == pytest.approx(100_000_000, rel=1e-4)


def test_the_tools_summary_is_read() -> None:
    found = outcome(SUMMARY, 1.5)
    assert (found.tracks, found.bitrate, found.lost) == ("4/4", "4.3mbps (2.1mbps avg)", 12)
