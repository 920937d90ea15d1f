"""Loudness and speech from the audio level extension."""

from __future__ import annotations

import pytest

from meetings.signaling.media.levels import LevelMeter


def interval(meter: LevelMeter, *levels: int) -> tuple[float, bool]:
    for level in levels:
        meter.heard(level)
    return meter.read()


def test_silence_is_nothing() -> None:
    assert interval(LevelMeter(), *[127] * 20) == (0.0, False)
    assert LevelMeter().read() == (0.0, False)


def test_speech_is_loud_and_speaking() -> None:
    level, speaking = interval(LevelMeter(), *[25] * 20)
    assert level == pytest.approx(0.056, abs=0.001)
    assert speaking


def test_a_single_click_is_no_speech() -> None:
    assert not interval(LevelMeter(), 10, *[127] * 19)[1]


def test_a_pause_between_words_is_no_end_but_a_longer_one_is() -> None:
    meter = LevelMeter()
    interval(meter, *[25] * 20)
    assert interval(meter, *[100] * 20)[1]
    assert not interval(meter, *[100] * 20)[1]


def test_background_noise_is_no_speech() -> None:
    assert not interval(LevelMeter(), *[60] * 20)[1]
