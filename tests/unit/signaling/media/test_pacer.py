"""Pictures on a thin line wait on our side of it."""

from __future__ import annotations

from meetings.signaling.media.pacer import LONGEST_SECONDS, Pacer


def paced(rate: float) -> tuple[Pacer[str], list[str]]:
    sent: list[str] = []
    pacer = Pacer(sent.append)
    pacer.rate = rate
    pacer.drain(1.0)
    return pacer, sent


def test_a_keyframe_goes_out_as_slowly_as_the_line_takes_it() -> None:
    pacer, sent = paced(1_000_000)
    for number in range(80):
        assert pacer.put(str(number), 1100, 2.0)
    assert len(sent) <= 2
    times = []
    for step in range(1, 200):
        now, before = 2.0 + step * 0.005, len(sent)
        pacer.drain(now)
        times += [now] * (len(sent) - before)
    assert sent == [str(number) for number in range(80)]
    assert 0.65 < times[-1] - 2.0 < 0.85


def test_what_was_asked_for_again_goes_first() -> None:
    pacer, sent = paced(1_000_000)
    for number in range(10):
        pacer.put(str(number), 1100, 2.0)
    pacer.put("again", 1100, 2.0, urgent=True)
    already = len(sent)
    pacer.drain(2.05)
    assert sent[already] == "again"


def test_the_queue_is_bounded_in_time_and_drops_one_track_without_the_others() -> None:
    pacer, sent = paced(400_000)
    taken = 0
    while pacer.put(f"{'ab'[taken % 2]}{taken}", 1100, 2.0):
        taken += 1
    assert 0.8 * LONGEST_SECONDS < taken * 1160 * 8 / 400_000 < 1.2 * LONGEST_SECONDS
    dropped = pacer.drop(lambda packet: packet.startswith("a"))
    assert dropped[0] in ("a0", "a2")
    assert all(packet.startswith("a") for packet in dropped)
    assert pacer.put("c", 1100, 2.0)
    pacer.drain(10.0)
    pacer.flush()
    assert sent[-1] == "c"
    assert len(pacer) == pacer.waiting_bits == 0
