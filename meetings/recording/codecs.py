"""The door to FFmpeg for recordings: pictures and sound out of files, parts and the composed file into one.

The composed file is VP9 and Opus in WebM: both browsers play it with what they bring themselves (Firefox on Debian
plays H.264 only with a library of the system), no royalties, and 720p is encoded as fast as H.264 would be. Parts hold
the same VP9 packets and lossless sound, so that joining them re-encodes no picture and leaves no click between them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.filter import Graph

from meetings.recording.canvas import HEIGHT, WIDTH

RATE = 48_000
FRAME_SAMPLES = 960
FPS = 20
MILLI = Fraction(1, 1000)
SAMPLE_BYTES = 8  # two channels of 32-bit floating point
PREROLL_MS = 120
DRIFT_SAMPLES = RATE * 40 // 1000  # packets this near to where the last one ended continue it
_VP9 = {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "lag-in-frames": "0"}
BITRATE = 1_200_000
COLORSPACE_BT601, COLOR_RANGE_LIMITED = 5, 1  # AVCOL_SPC_BT470BG, AVCOL_RANGE_MPEG


class Shot:
    """A decoded picture, scaled to its place."""

    def __init__(self, frame: Any) -> None:
        self.width: int = frame.width
        self.height: int = frame.height
        self.rows = tuple((memoryview(plane), plane.line_size) for plane in frame.planes)
        self._frame = frame  # owns the memory


class PictureSource:
    """The pictures of one file in the order of time. `at` may jump; going back opens the file anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._container: Any = None
        self._frames: Iterator[Any] = iter(())
        self._current: Any = None
        self._next: Any = None
        self._here = -1

    def at(self, ms: int) -> Any | None:
        """The picture that stands at this time of the file's clock; the same object while it stands."""
        if self._container is None or ms < self._here or ms - self._here > 5000:
            self._open(ms)
        self._here = ms
        while self._next is not None and _ms(self._next) <= ms:
            self._current = self._next
            self._next = next(self._frames, None)
        return self._current

    def close(self) -> None:
        """Free decoder and file."""
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open(self, ms: int) -> None:
        self.close()
        self._container = av.open(str(self._path))
        stream = self._container.streams.video[0]
        if ms > 1000:
            self._container.seek(int(ms / 1000 / stream.time_base), stream=stream)
        self._frames = _readable(self._container.decode(stream))
        self._current, self._next = None, next(self._frames, None)


def scaled(frame: Any, width: int, height: int) -> Shot:
    """A decoded picture at another size."""
    return Shot(frame.reformat(width=width, height=height, format="yuv420p"))


def _readable(frames: Iterator[Any]) -> Iterator[Any]:
    """Frames until the end or until what cannot be decoded."""
    try:
        yield from frames
    except av.error.FFmpegError:
        return


def _ms(frame: Any) -> int:
    return int(frame.time * 1000)


def sound_of(path: Path, starts_ms: int, from_ms: int, to_ms: int) -> bytearray | None:
    """The sound of a file between two times of the recording, silence where it has none; None: all silence."""
    result = bytearray((to_ms - from_ms) * RATE // 1000 * SAMPLE_BYTES)
    anything = False
    resampler = av.AudioResampler(format="flt", layout="stereo", rate=RATE)
    expected: int | None = None
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        skip = from_ms - starts_ms - PREROLL_MS
        if skip > 1000:
            container.seek(int(skip / 1000 / (stream.time_base or MILLI)), stream=stream)
        for frame in _readable(container.decode(stream)):
            place = round((starts_ms - from_ms + frame.time * 1000) * RATE / 1000)
            if expected is None or abs(place - expected) > DRIFT_SAMPLES:
                expected = place
            if expected * SAMPLE_BYTES >= len(result):
                break
            for part in resampler.resample(frame):
                expected += part.samples
                anything |= _lay(result, bytes(part.planes[0])[: part.samples * SAMPLE_BYTES], expected - part.samples)
    return result if anything else None


def _lay(result: bytearray, data: bytes, sample: int) -> bool:
    at = sample * SAMPLE_BYTES
    if at < 0:
        data, at = data[-at:], 0
    data = data[: max(0, len(result) - at)]
    result[at : at + len(data)] = data
    return bool(data)


def mixed(tracks: Sequence[bytearray], samples: int) -> Iterator[Any]:
    """The sum of tracks of equal length as 16-bit frames, limited instead of clipped."""
    graph = Graph()
    inputs = [
        graph.add_abuffer(sample_rate=RATE, format="flt", layout="stereo", time_base=Fraction(1, RATE))
        for _ in range(max(1, len(tracks)))
    ]
    mixer = graph.add("amix", f"inputs={len(inputs)}:normalize=0:dropout_transition=0")
    for index, one in enumerate(inputs):
        one.link_to(mixer, 0, index)
    limiter = graph.add("alimiter", "limit=0.95:level=0:latency=1")
    shape = graph.add("aformat", f"sample_fmts=s16:sample_rates={RATE}:channel_layouts=stereo")
    sink = graph.add("abuffersink")
    mixer.link_to(limiter)
    limiter.link_to(shape)
    shape.link_to(sink)
    graph.configure()
    sources = tracks or [bytearray(samples * SAMPLE_BYTES)]
    for at in range(0, samples, FRAME_SAMPLES):
        count = min(FRAME_SAMPLES, samples - at)
        for one, track in zip(inputs, sources, strict=True):
            one.push(_frame_of(track, at, count))
        yield from _pulled(sink)
    for one in inputs:
        one.push(None)
    yield from _pulled(sink)


def _frame_of(track: bytearray, at: int, count: int) -> Any:
    frame = av.AudioFrame(format="flt", layout="stereo", samples=count)
    frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), at
    data = track[at * SAMPLE_BYTES : (at + count) * SAMPLE_BYTES]
    frame.planes[0].update(bytes(data).ljust(frame.planes[0].buffer_size, b"\0"))
    return frame


def _pulled(sink: Any) -> Iterator[Any]:
    while True:
        try:
            yield sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return


class Blocks:
    """Sound cut into the blocks an encoder wants, counted through whatever the frames' own times say."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._fifo = av.AudioFifo()
        self._count = 0

    def write(self, frame: Any) -> Iterator[Any]:
        """Take a frame, give the blocks that are full."""
        frame.pts = None
        self._fifo.write(frame)
        for block in self._fifo.read_many(self._samples):
            yield self._counted(block)

    def rest(self) -> Iterator[Any]:
        """The last block."""
        if (block := self._fifo.read(partial=True)) is not None:
            yield self._counted(block)

    def _counted(self, block: Any) -> Any:
        block.pts, block.time_base = self._count, Fraction(1, RATE)
        self._count += block.samples
        return block


class PartWriter:
    """One part of the composed file: pictures given one by one, then the sound."""

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path), "w", format="matroska")
        self._video: Any = self._container.add_stream("libvpx-vp9", rate=FPS, options=_VP9)
        self._video.width, self._video.height, self._video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        self._video.bit_rate = BITRATE
        # Cameras send BT.601; a browser takes an unmarked picture of this height for BT.709 and shifts every colour.
        self._video.codec_context.colorspace = COLORSPACE_BT601
        self._video.codec_context.color_range = COLOR_RANGE_LIMITED
        self._video.codec_context.gop_size = FPS * 5
        self._audio: Any = self._container.add_stream("flac", rate=RATE, options={"compression_level": "1"})
        self._audio.layout, self._audio.format = "stereo", "s16"
        self._count = 0

    def show(self, planes: Sequence[bytearray]) -> None:
        """The next picture."""
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        for plane, data in zip(frame.planes, planes, strict=True):
            plane.update(bytes(data))
        frame.pts, frame.time_base = self._count, Fraction(1, FPS)
        self._count += 1
        self._container.mux(self._video.encode(frame))

    def sound(self, frames: Iterable[Any]) -> None:
        """All of the sound."""
        blocks = Blocks(4608)
        for frame in frames:
            for ready in blocks.write(frame):
                self._container.mux(self._audio.encode(ready))
        for ready in blocks.rest():
            self._container.mux(self._audio.encode(ready))

    def close(self) -> None:
        """Finish the file."""
        self._container.mux(self._video.encode(None))
        self._container.mux(self._audio.encode(None))
        self._container.close()


def join(
    parts: Sequence[tuple[Path, int]],
    target: Path,
    title: str,
    chapters: Sequence[tuple[int, int, str]],
    progress: Callable[[float], None],
) -> None:
    """Parts (path, start in ms) to one WebM: pictures copied, sound encoded once, chapters, cues in front."""
    options = {"cues_to_front": "1", "reserve_index_space": "0"}
    with av.open(str(target), "w", format="webm", options=options) as out:
        out.metadata["title"] = title
        with av.open(str(parts[0][0])) as first:
            video: Any = out.add_stream_from_template(first.streams.video[0])
        audio: Any = out.add_stream("libopus", rate=RATE)
        audio.layout, audio.format, audio.bit_rate = "stereo", "s16", 64_000
        out.set_chapters(
            [
                {"id": number, "start": start, "end": end, "time_base": MILLI, "metadata": {"title": name}}
                for number, (start, end, name) in enumerate(chapters, 1)
            ]
        )
        blocks = Blocks(FRAME_SAMPLES)
        for number, (path, start) in enumerate(parts):
            _append(out, video, audio, blocks, path, start)
            progress((number + 1) / len(parts))
        for ready in blocks.rest():
            out.mux(audio.encode(ready))
        out.mux(audio.encode(None))


def _append(out: Any, video: Any, audio: Any, blocks: Blocks, path: Path, start_ms: int) -> None:
    with av.open(str(path)) as part:
        for packet in part.demux():
            if packet.stream.type == "video" and packet.size:
                shift = int(start_ms / 1000 / packet.time_base)
                packet.pts, packet.dts = (packet.pts or 0) + shift, (packet.dts or 0) + shift
                packet.stream = video
                out.mux(packet)
            elif packet.stream.type == "audio":
                for frame in packet.decode():
                    for ready in blocks.write(frame):
                        out.mux(audio.encode(ready))
