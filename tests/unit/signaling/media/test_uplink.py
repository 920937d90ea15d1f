"""What publishers without transport-wide feedback are told they may send."""

from __future__ import annotations

from meetings.signaling.media.uplink import Uplink


def test_a_good_way_is_soon_wide_enough_for_every_layer() -> None:
    uplink = Uplink()
    for _ in range(20):
        bitrate = uplink.measured(min(uplink.bitrate, 4_000_000) * 0.9, 0.0)
    assert bitrate > 4_000_000


def test_a_way_that_loses_much_is_narrowed_to_what_came() -> None:
    uplink = Uplink()
    for _ in range(10):
        bitrate = uplink.measured(600_000, 0.2)
    assert 200_000 < bitrate < 600_000


def test_some_loss_changes_nothing() -> None:
    uplink = Uplink()
    assert uplink.measured(600_000, 0.05) == uplink.measured(600_000, 0.05)


def test_what_was_never_tried_is_not_promised() -> None:
    uplink = Uplink()
    for _ in range(100):
        bitrate = uplink.measured(300_000, 0.0)
    assert bitrate <= 2_500_000


def test_a_narrow_way_recovers() -> None:
    uplink = Uplink()
    for _ in range(20):
        uplink.measured(100_000, 0.5)
    assert uplink.bitrate == 100_000
    for _ in range(40):
        bitrate = uplink.measured(uplink.bitrate * 0.9, 0.0)
    assert bitrate > 1_000_000
