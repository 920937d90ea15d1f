"""What a track file holds and how it says so: WebM for Opus, VP8, VP9 and AV1, Matroska for H.264.

WebM knows no H.264 (its guidelines name the codecs); Matroska is the same file under another name, so that everything
promised of one is true of the other. Chromium plays both; Firefox plays H.264 only where the system brings a decoder.
The composed film is VP9 and plays everywhere.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from meetings.recording.ebml import element, number, text

OPUS_PRE_SKIP = 312
EBML = 0x1A45DFA3
_CODEC_IDS = {"vp8": "V_VP8", "vp9": "V_VP9", "av1": "V_AV1", "h264": "V_MPEG4/ISO/AVC"}
DOC_TYPES = ("webm", "matroska")
SUFFIXES = (".webm", ".mkv")


@dataclass(frozen=True)
class TrackFormat:
    """What one file holds: `kind` audio (Opus, 48 kHz stereo) or video; the size is the first picture's, `private` what
    a decoder must know before it."""

    kind: str
    width: int = 0
    height: int = 0
    title: str = ""
    codec: str = "vp8"
    private: bytes = b""

    @property
    def doc_type(self) -> str:
        return "matroska" if self.kind == "video" and self.codec == "h264" else "webm"

    @property
    def suffix(self) -> str:
        return SUFFIXES[DOC_TYPES.index(self.doc_type)]


def media_type(kind: str, name: str) -> str:
    """What a browser is told about a file of this name."""
    if kind == "audio":
        return "audio/webm"
    return "video/x-matroska" if name.endswith(".mkv") else "video/webm"


def header(doc_type: str) -> bytes:
    """The first element of a file."""
    versions = [number(0x4286, 1), number(0x42F7, 1), number(0x42F2, 4), number(0x42F3, 8)]
    return element(EBML, *versions, text(0x4282, doc_type), number(0x4287, 4), number(0x4285, 2))


def track_entry(track: TrackFormat) -> bytes:
    """The description of the only track."""
    common = [number(0xD7, 1), number(0x73C5, 1), number(0x9C, 0), text(0x22B59C, "vie")]
    if track.title:
        common.append(text(0x536E, track.title))
    return element(0xAE, *common, *(_audio() if track.kind == "audio" else _video(track)))


def _audio() -> list[bytes]:
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 2, OPUS_PRE_SKIP, 48_000, 0, 0)
    return [
        number(0x83, 2),
        text(0x86, "A_OPUS"),
        element(0x63A2, head),
        number(0x56AA, OPUS_PRE_SKIP * 1_000_000_000 // 48_000),
        number(0x56BB, 80_000_000),
        element(0xE1, element(0xB5, struct.pack(">d", 48_000.0)), number(0x9F, 2)),
    ]


def _video(track: TrackFormat) -> list[bytes]:
    private = [element(0x63A2, track.private)] if track.private else []
    size = element(0xE0, number(0xB0, track.width), number(0xBA, track.height))
    return [number(0x83, 1), text(0x86, _CODEC_IDS[track.codec]), *private, size]
