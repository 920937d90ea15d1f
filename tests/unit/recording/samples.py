"""Encoded colours and tones for the recording tests, and what a decoded file shows and sounds like."""

from __future__ import annotations

import array
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av


@dataclass(frozen=True)
class Packet:
    """An RTP packet as the depacketizer sees it."""

    sequence: int
    timestamp: int
    payload: bytes
    marker: bool = False
    arrival: float = 0.0
    codec: str = ""


def vp8_frames(count: int, luma: int = 120, size: tuple[int, int] = (320, 180)) -> list[bytes]:
    """`count` frames of one grey, the first a keyframe."""
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height = size
    encoder.pix_fmt, encoder.time_base = "yuv420p", Fraction(1, 30)
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    frames: list[bytes] = []
    for index in range(count):
        frame = av.VideoFrame(*size, "yuv420p")
        for plane, value in zip(frame.planes, (luma + index % 8, 90, 200), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts = index
        frames += [bytes(packet) for packet in encoder.encode(frame)]
    return frames


def opus_packets(count: int, hertz: float = 440.0) -> list[bytes]:
    """`count` packets of 20 ms of one tone."""
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "stereo", "s16"
    packets: list[bytes] = []
    for index in range(count + 1):
        frame = av.AudioFrame(format="s16", layout="stereo", samples=960)
        frame.sample_rate, frame.pts = 48_000, index * 960
        frame.planes[0].update(_tone(hertz, index * 960))
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets[:count]


def _tone(hertz: float, start: int) -> bytes:
    samples = array.array("h")
    for index in range(start, start + 960):
        value = int(8000 * math.sin(2 * math.pi * hertz * index / 48_000))
        samples.extend((value, value))
    return samples.tobytes()


@dataclass(frozen=True)
class Probe:
    """What a file says about itself and what decoding it gives."""

    duration: float | None
    frames: int
    packets: int


def probe(path: Path) -> Probe:
    """Open, decode everything, and count."""
    with av.open(str(path)) as container:
        duration = None if container.duration is None else container.duration / av.time_base
        packets = frames = 0
        for packet in container.demux():
            packets += packet.size > 0
            frames += len(packet.decode())
    return Probe(duration, frames, packets)


def seek_first_time(path: Path, seconds: float) -> float:
    """Time of the first packet after seeking to `seconds`."""
    with av.open(str(path)) as container:
        container.seek(int(seconds * av.time_base))
        packet = next(iter(container.demux()))
        assert packet.pts is not None
        return float(packet.pts * packet.time_base)
