"""Loudness from the audio level extension (RFC 6464), and when it counts as speech."""

from __future__ import annotations

# 127 is silence, 0 the loudest; speech into a headset sits between 20 and 40.
_SILENCE = 127
_SPEECH = 45
_SHARE = 0.25  # of an interval's packets that must be speech to begin
_HOLD = 2  # intervals without speech before speaking ends: pauses between words are not an end


class LevelMeter:
    """Collects levels of one track; read once per interval."""

    def __init__(self) -> None:
        self.speaking = False
        self._loudest = _SILENCE
        self._packets = 0
        self._speech = 0
        self._quiet = 0

    def heard(self, level: int) -> None:
        """One packet's level in -dBov."""
        self._packets += 1
        if level < _SPEECH:
            self._speech += 1
        if level < self._loudest:
            self._loudest = level

    def read(self) -> tuple[float, bool]:
        """Level 0..1 of the last interval and whether this is speech; then begin anew."""
        loud = self._packets > 0 and self._speech >= _SHARE * self._packets
        self._quiet = 0 if loud else self._quiet + 1
        self.speaking = loud or (self.speaking and self._quiet < _HOLD)
        level = 0.0 if self._loudest >= _SILENCE else 10.0 ** (-self._loudest / 20)
        self._loudest, self._packets, self._speech = _SILENCE, 0, 0
        return level, self.speaking
