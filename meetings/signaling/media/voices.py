"""Only the loudest voices of a room, as an option: in a large meeting open microphones are noise to everybody.

A voice has a place until another one needs it: it is passed on from the packet on with which it rises, so that no
beginning of a word is cut off, and loses its place to nobody while it speaks or shortly after.
"""

from __future__ import annotations

from dataclasses import dataclass

# Levels are in dB below the loudest (RFC 6464): 127 is silence, speech sits between 20 and 40. More is taken for speech
# here than where speakers are shown, because a word rises from below.
_SPEECH = 55
_HANGOVER_SECONDS = 1.5  # after its last speech a voice keeps its place
_LOUDER = 6.0  # dB by which a voice must outdo one that speaks ...
_ESTABLISHED_SECONDS = 1.5  # ... and has had its place for so long
_SMOOTHING = 0.1  # of the level, per packet: a fifth of a second


@dataclass
class _Voice:
    since: float
    spoke_at: float = -1e9
    loudness: float = 0.0  # smoothed, 127 the loudest


class Voices:
    """The places of one room."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._placed: dict[str, _Voice] = {}
        self._others: dict[str, float] = {}  # smoothed loudness of who has no place

    def heard(self, name: str, level: int, now: float) -> bool:
        """One packet of a voice; returns whether it is passed on."""
        voice = self._placed.get(name)
        if voice is not None:
            if level < _SPEECH:
                voice.loudness += (127 - level - voice.loudness) * _SMOOTHING  # of its words, not of what is between
                voice.spoke_at = now
            return True
        before = self._others.get(name, 0.0)
        loudness = self._others[name] = before + (127 - level - before) * _SMOOTHING
        if level >= _SPEECH or not self._make_room(loudness, now):
            return False
        del self._others[name]
        self._placed[name] = _Voice(now, now, 127.0 - level)
        return True

    @property
    def placed(self) -> set[str]:
        """Whose voices are passed on now."""
        return set(self._placed)

    def left(self, name: str) -> None:
        """The track ended or was muted: its place is free."""
        self._placed.pop(name, None)
        self._others.pop(name, None)

    def _make_room(self, loudness: float, now: float) -> bool:
        if len(self._placed) < self._places:
            return True
        name, weakest = min(
            self._placed.items(), key=lambda item: (item[1].spoke_at > now - _HANGOVER_SECONDS, item[1].loudness)
        )
        if weakest.spoke_at <= now - _HANGOVER_SECONDS:
            self._displace(name)
            return True
        if now - weakest.since > _ESTABLISHED_SECONDS and loudness > weakest.loudness + _LOUDER:
            self._displace(name)
            return True
        return False

    def _displace(self, name: str) -> None:
        self._others[name] = self._placed.pop(name).loudness


class Gate:
    """Whether one microphone is passed on. Who holds the floor, or gives no levels, always is."""

    def __init__(self, name: str, voices: Voices | None, *, always: bool) -> None:
        self.open = voices is None or always
        self._name = name
        self._voices = voices
        self._always = always

    def heard(self, level: int, now: float) -> bool:
        """One packet; returns whether `open` changed."""
        if self._voices is None or self._always:
            return self._set(True)
        return self._set(self._voices.heard(self._name, level, now))

    def keep_open(self, always: bool) -> bool:
        """The participant holds the floor, or no longer; returns whether `open` changed."""
        self._always = always
        if always:
            self.left()
        return always and self._set(True)

    def left(self) -> None:
        """The track ended or was muted."""
        if self._voices is not None:
            self._voices.left(self._name)

    def _set(self, to: bool) -> bool:
        before, self.open = self.open, to
        return before is not to
