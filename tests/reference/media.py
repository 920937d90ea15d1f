"""Pictures and sound for `lk load-test`. The Go module comes with pointers in their place, not with the files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

_SECONDS = 3
_POINTER = b"version https://git-lfs"
_FRAMES = {
    150: 15,
    120: 15,
    200: 15,
    400: 20,
    600: 20,
    700: 20,
    1500: 30,
    2000: 30,
}  # by kbit/s, as the tool names them


def replacements(resources: Path, folder: Path) -> dict[Path, Path]:
    """For each file of the tool that is only pointed to, one of ours, made in `folder`."""
    pointers = [path for path in sorted(resources.iterdir()) if path.read_bytes().startswith(_POINTER)]
    return {pointer: _make(pointer.name, folder) for pointer in pointers}


def _make(name: str, folder: Path) -> Path:
    stem, _, kind = name.rpartition(".")
    if kind == "ogg":
        target = folder / "sound.ogg"
        if not target.exists():
            _sound(target)
        return target
    size, rate = stem.split("_")[-2:]
    upright = size.startswith("p")
    short = int(size.removeprefix("p"))
    width, height = (short, short * 4 // 3) if upright else (short * 16 // 9, short)
    target = folder / f"{width}x{height}_{rate}.{kind}"
    if not target.exists():
        _picture(target, kind, width, height, int(rate))
    return target


def _picture(target: Path, kind: str, width: int, height: int, kbps: int) -> None:
    rate = _FRAMES[kbps]
    with av.open(str(target), "w", format=kind) as container:
        stream = container.add_stream("libvpx" if kind == "ivf" else "libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", kbps * 1000
        stream.gop_size = rate
        stream.options = (
            {"deadline": "realtime", "cpu-used": "8", "minrate": f"{kbps}k", "maxrate": f"{kbps}k"}
            if kind == "ivf"
            else {"preset": "ultrafast", "profile": "baseline", "bf": "0", "nal-hrd": "cbr", "maxrate": f"{kbps}k"}
        )
        for frame in _frames(width, height, rate * _SECONDS):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _frames(width: int, height: int, count: int) -> Iterator[av.VideoFrame]:
    """Something that moves and does not compress to nothing."""
    noise = np.random.default_rng(7).integers(0, 60, (height, width + count * 4, 3), np.uint8)
    ramp = np.linspace(0, 190, width, dtype=np.uint8)[None, :, None]
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(noise[:, number * 4 : number * 4 + width] + ramp, format="rgb24")
        frame.pts = number
        yield frame


def _sound(target: Path) -> None:
    """A page for each packet, as the tool reads them."""
    with av.open(str(target), "w", format="ogg", options={"page_duration": "20000"}) as container:
        stream = container.add_stream("libopus", rate=48_000)
        stream.bit_rate = 32_000
        time = np.arange(960)
        for number in range(_SECONDS * 50):
            tone = np.sin(2 * np.pi * 440 * (time + number * 960) / 48_000) * 8000
            frame = av.AudioFrame.from_ndarray(tone.astype(np.int16)[None, :], format="s16", layout="mono")
            frame.sample_rate, frame.pts = 48_000, number * 960
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
