"""Speaks the notice that recording begins into web/src/media/spoken/: `python -m tools.speak_notice`.

The files are kept in the repository; this says how they were made. Needs Debian's espeak-ng.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
from av.audio.resampler import AudioResampler

FOLDER = Path(__file__).resolve().parent.parent / "web" / "src" / "media" / "spoken"
SENTENCES = {
    "vi": "Xin thông báo: cuộc họp này đang được ghi hình, ghi âm.",
    "en": "Please note: this meeting is being recorded.",
}
WORDS_A_MINUTE = "135"
RATE, BITS_A_SECOND = 24_000, 32_000


def speak(language: str, sentence: str, target: Path) -> None:
    """One sentence as an mp3 file, which every browser plays."""
    command = ["espeak-ng", "-v", language, "-s", WORDS_A_MINUTE, "-a", "170", "--stdout", sentence]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    raw = target.with_suffix(".wav")
    raw.write_bytes(wave)
    try:
        _encode(raw, target)
    finally:
        raw.unlink()


def _encode(source: Path, target: Path) -> None:
    with av.open(str(source)) as heard, av.open(str(target), "w", format="mp3") as written:
        stream = written.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = BITS_A_SECOND
        resampler = AudioResampler("s16p", "mono", RATE)
        for frame in heard.decode(audio=0):
            for part in resampler.resample(frame):
                written.mux(stream.encode(part))
        for part in resampler.resample(None):
            written.mux(stream.encode(part))
        written.mux(stream.encode(None))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for language, sentence in SENTENCES.items():
        speak(language, sentence, FOLDER / f"recording-{language}.mp3")
    sys.exit(0)
