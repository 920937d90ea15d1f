"""Senders that can be told apart: each its own flat colour and its own tone, made here, measured here."""

from __future__ import annotations

import math
import wave
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT, RATE = 640, 360, 15
SAMPLE_RATE = 48_000
TOLERANCE_COLOUR = 30  # of 255, per channel, after VP8 at a low rate
TOLERANCE_HERTZ = 12.0


@dataclass(frozen=True)
class Sender:
    """What one participant shows and sounds like; hertz is a multiple of 20, so that a second of it loops cleanly."""

    name: str
    rgb: tuple[int, int, int]
    hertz: int


RED = Sender("red", (200, 40, 40), 440)
GREEN = Sender("green", (40, 170, 60), 660)
BLUE = Sender("blue", (50, 70, 200), 880)
YELLOW = Sender("yellow", (210, 190, 40), 1100)


def yuv(rgb: tuple[int, int, int]) -> tuple[int, int, int]:
    """BT.601, limited range, which is what Chromium takes a y4m file for."""
    r, g, b = (channel / 255 for channel in rgb)
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    return (
        round(16 + 219 * luma),
        round(128 + 224 * (b - luma) / 1.772),
        round(128 + 224 * (r - luma) / 1.402),
    )


def write_y4m(path: Path, sender: Sender) -> Path:
    """A second of the colour, with a small grey mark that moves so that an encoder has something to send."""
    y, u, v = yuv(sender.rgb)
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for frame in range(RATE):
            luma = np.full((HEIGHT, WIDTH), y, np.uint8)
            luma[8:24, 8 + frame * 24 : 24 + frame * 24] = 128
            file.write(b"FRAME\n" + luma.tobytes())
            file.write(bytes([u]) * (WIDTH * HEIGHT // 4) + bytes([v]) * (WIDTH * HEIGHT // 4))
    return path


def tone(hertz: float, seconds: float, rate: int = SAMPLE_RATE, level: float = 0.5) -> NDArray[np.int16]:
    """Mono samples, swelling four times a second like syllables: a browser's noise suppression eats steady tones."""
    seconds_in = np.arange(int(seconds * rate)) / rate
    swell = 0.5 - 0.5 * np.cos(2 * math.pi * 4 * seconds_in)
    samples: NDArray[np.int16] = (np.sin(2 * math.pi * hertz * seconds_in) * swell * level * 32_767).astype(np.int16)
    return samples


def write_wav(path: Path, sender: Sender, seconds: int = 2) -> Path:
    """The tone, to be looped."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(array("h", tone(sender.hertz, seconds).tolist()).tobytes())
    return path


def loudest(samples: NDArray[np.int16], rate: int = SAMPLE_RATE) -> float:
    """The frequency in hertz that carries most."""
    spectrum = np.abs(np.fft.rfft(samples.astype(float) * np.hanning(len(samples))))
    spectrum[: int(50 * len(samples) / rate)] = 0
    return float(np.argmax(spectrum) * rate / len(samples))


def strength(samples: NDArray[np.int16], hertz: float, rate: int = SAMPLE_RATE) -> float:
    """How much of a frequency is in the samples, 0..1 of full scale."""
    steps = np.arange(len(samples)) * (2 * math.pi * hertz / rate)
    values = samples.astype(float) / 32_768
    return float(2 * np.hypot((values * np.cos(steps)).mean(), (values * np.sin(steps)).mean()))


def same_colour(seen: tuple[float, float, float], sender: Sender) -> bool:
    """Whether a measured average is this sender's colour."""
    return all(abs(a - b) <= TOLERANCE_COLOUR for a, b in zip(seen, sender.rgb, strict=True))
