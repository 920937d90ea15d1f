"""A recording in progress: the hidden participant's ear and eye, and what it puts on tape.

Owns the open tracks and decides which layer of each picture is recorded. Sound is recorded whenever there is some.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from meetings.recording import ending, manifest
from meetings.recording.clocks import SenderClock
from meetings.recording.messages import Assignment, Report, ReportKind
from meetings.recording.tape import Tape, kind_of
from meetings.recording.tracks import TrackRecorder
from meetings.signaling.client import HIGH, LOW, Client, RemoteTrack, Speaker
from meetings.signaling.client_receive import RtpPacket

FLUSH_EVERY = 0.25
SYNC_EVERY = 3.0
PROGRESS_EVERY = 5.0
SILENT_START = 2.0  # a room without any track counts as recorded when this long has passed
SPEAKER_HOLD = 8.0  # a picture keeps its layer this long after its owner stopped speaking
FLOOR_SHARE = 32  # of the bytes that must be free to begin: below this share a recording ends


class Room(Protocol):
    """What a recording asks of its participant."""

    def want_quality(self, track_sid: str, quality: int) -> None: ...
    def request_keyframe(self, track_sid: str) -> None: ...


class DiskFull(Exception):
    """No room for more."""


class Recorder:
    """Listens to the participant (see `ClientListener`) and writes. `send` passes reports on."""

    def __init__(self, tape: Tape, assignment: Assignment, send: Callable[[Report], None]) -> None:
        self.room: Room | None = None
        self._tape = tape
        self._assignment = assignment
        self._send = send
        self._prominent = set(assignment.prominent)
        self._tracks: dict[str, TrackRecorder] = {}
        self._unrecorded: set[str] = set()
        self._senders: dict[str, SenderClock] = {}
        self._qualities: dict[str, int] = {}
        self._spoke: dict[str, float] = {}
        self._active: list[str] = []
        self._names: dict[str, str] = {}
        self._joined_at: float | None = None
        self._gap_open = False
        self._failure: OSError | None = None

    # --------------------------------------------------------------------------- what the participant says

    def joined(self) -> None:
        """In the room (again)."""
        self._joined_at = time.monotonic()
        self._guarded(self._tape.begin_segment)
        if self._tape.segment == 1:
            self._guarded(lambda: self._tape.note("mark", what="start"))
        self._gap_open = self._tape.segment > 1

    def left(self, reason: str) -> None:
        """Out of the room: everything open is sealed."""
        if self._failure is None:
            self._guarded(self._close_tracks)
        self._guarded(lambda: self._tape.note("left", reason=reason))

    def refused(self, reason: str) -> None:
        """A join failed."""
        self._guarded(lambda: self._tape.note("refused", reason=reason))

    def track_started(self, track: RemoteTrack, clock_rate: int) -> None:
        """Somebody's track begins."""
        sender = self._senders.setdefault(track.identity, SenderClock())
        self._tracks[track.sid] = TrackRecorder(self._tape, track, clock_rate, sender, self._beg)
        self._choose_layers()

    def track_changed(self, track: RemoteTrack) -> None:
        """Muted, unmuted, renamed."""
        if track.sid in self._tracks:
            self._tracks[track.sid].track = track
            self._guarded(lambda: self._tape.note("mute", track=track.sid, identity=track.identity, muted=track.muted))

    def track_ended(self, track_sid: str) -> None:
        """Seal its file."""
        ended = self._tracks.pop(track_sid, None)
        self._qualities.pop(track_sid, None)
        if ended is not None:
            self._guarded(ended.close)

    def track_unusable(self, track: RemoteTrack, codec: str) -> None:
        """A track whose codec no file of ours holds: said at once and for good, never silently missing."""
        if track.sid in self._unrecorded:
            return
        self._unrecorded.add(track.sid)
        kind = kind_of(track)
        whose, name = track.identity, track.participant_name
        self._guarded(
            lambda: self._tape.note("unrecorded", track=track.sid, media=kind, codec=codec, identity=whose, name=name)
        )
        self._send(
            Report(
                self._assignment.recording_id,
                "unrecorded",
                t=self._tape.now(),
                reason=codec,
                origin=self._tape.origin_wall,
                track=track.sid,
                media=kind,
                identity=track.identity,
                participant_name=track.participant_name,
            )
        )

    def packet(self, track_sid: str, packet: RtpPacket) -> None:
        """One packet."""
        track = self._tracks.get(track_sid)
        if track is not None and self._failure is None:
            self._guarded(lambda: track.packet(packet))

    def sender_report(self, track_sid: str, ntp: float, timestamp: int, arrival: float) -> None:
        """A sender's clock."""
        track = self._tracks.get(track_sid)
        if track is not None:
            self._senders[track.track.identity].report(ntp, arrival)
            track.report(ntp, timestamp, arrival)

    def speakers(self, speakers: list[Speaker]) -> None:
        """Who is heard; the manifest keeps changes, for the composed picture."""
        now = time.monotonic()
        current = dict.fromkeys(self._active, 0.0)
        for one in speakers:
            if one.active:
                current[one.identity] = one.level
                self._spoke[one.identity] = now
            else:
                current.pop(one.identity, None)
        active = sorted(current, key=lambda identity: -current[identity])
        if active != self._active:
            self._active = active
            self._guarded(lambda: self._tape.note("speakers", active=active))
            self._choose_layers()

    def participants(self, names: dict[str, str]) -> None:
        """Who is there, by name."""
        own = f"recorder:{self._assignment.recording_id}"
        names = {identity: name for identity, name in names.items() if identity != own}
        for identity in names.keys() - self._names.keys():
            self._guarded(lambda i=identity: self._tape.note("participant", identity=i, name=names[i], present=True))  # type: ignore[misc]
        for identity in self._names.keys() - names.keys():
            self._guarded(lambda i=identity: self._tape.note("participant", identity=i, present=False))  # type: ignore[misc]
        self._names = names

    # -------------------------------------------------------------------------------------------- orders

    def update(self, prominent: tuple[str, ...]) -> None:
        """Whose pictures the room looks at has changed."""
        self._prominent = set(prominent)
        self._choose_layers()

    async def run(self) -> None:
        """Flush, sync and watch the disk until cancelled. Raises DiskFull."""
        await asyncio.to_thread(self._tape.mend_orphans)
        last_sync = last_progress = time.monotonic()
        started = False
        while True:
            await asyncio.sleep(FLUSH_EVERY)
            now = time.monotonic()
            self._tick(now)
            if now - last_sync >= SYNC_EVERY or (not started and self._may_start(now)):
                started = await self._sync(started)
                last_sync = time.monotonic()
            if started and now - last_progress >= PROGRESS_EVERY:
                last_progress = now
                self._report("progress")

    def told_to_stop(self, at: datetime | None = None) -> None:
        """The recording ends at `at`, or now: hearing of it and leaving the room take their time, and are not part."""
        self._tape.end_at(at)

    def finish(self) -> None:
        """The end: seal everything and report."""
        self._tape.mend_orphans()
        self._declare_gap(float("inf"))
        self._close_tracks()
        until = self._tape.until()
        self._tape.note("mark", until, what="stop")
        self._tape.end()
        self._send(ending.told(self._tape.directory, self._assignment.recording_id))

    def finish_full(self, reason: str) -> None:
        """The disk is full: save what can be saved, and say so."""
        self._tracks.clear()
        self._tape.abandon()
        with contextlib.suppress(OSError, manifest.Ended):  # refused after the last line, it has ended all the same
            self._tape.note("mark", what="stop", reason=ending.DISK_FULL)
            self._tape.end()
        self._send(ending.refused(self._tape.directory, self._assignment.recording_id, reason))

    def pause(self) -> None:
        """This life ends, the recording goes on in another."""
        self._tape.mend_orphans()
        self._declare_gap(float("inf"))
        self._close_tracks()
        self._tape.leave()

    # ------------------------------------------------------------------------------------------- details

    def _tick(self, now: float) -> None:
        if self._failure is None:
            try:
                for track in self._tracks.values():
                    track.tick(now)
                self._tape.flush()
            except OSError as error:
                self._failure = error
        self._choose_layers()
        self._declare_gap(now)
        if self._failure is not None:
            raise DiskFull(str(self._failure))
        if self._tape.free_bytes() < self._assignment.min_free_bytes // FLOOR_SHARE:
            raise DiskFull("less is free than a recording needs to end well")

    def _guarded(self, act: Callable[[], None]) -> None:
        """Writing outside the run loop: a refusing disk is remembered and dealt with there."""
        try:
            act()
        except OSError as error:
            self._failure = error

    def _may_start(self, now: float) -> bool:
        if self._joined_at is None:
            return False
        return self._tape.has_media or now - self._joined_at > SILENT_START

    async def _sync(self, started: bool) -> bool:
        try:
            await asyncio.to_thread(self._tape.sync)
        except OSError as error:
            raise DiskFull(str(error)) from error
        if not started and self._may_start(time.monotonic()):
            self._report("started")
            return True
        return started

    def _close_tracks(self) -> None:
        for track in self._tracks.values():
            track.close()
        self._tracks.clear()
        self._qualities.clear()

    def _beg(self, track_sid: str) -> None:
        if self.room is not None:
            self.room.request_keyframe(track_sid)

    def _choose_layers(self) -> None:
        now = time.monotonic()
        for sid, recorder in self._tracks.items():
            track = recorder.track
            if track.kind != "video" or self.room is None:
                continue
            speaking = now - self._spoke.get(track.identity, -1e9) < SPEAKER_HOLD
            watched = track.identity in self._prominent or kind_of(track) == "screen" or speaking
            quality = HIGH if watched else LOW
            if self._qualities.get(sid) != quality:
                self._qualities[sid] = quality
                self.room.want_quality(sid, quality)

    def _declare_gap(self, now: float) -> None:
        """Between the last frame before and the first frame after; in a silent room it ends with the joining."""
        start, until = self._tape.media_until, self._tape.media_from
        if not self._gap_open or start is None or self._joined_at is None:
            return
        if until is None:
            if now - self._joined_at < SILENT_START:
                return
            until = self._tape.t(self._joined_at)
        self._gap_open = False
        reason = "the recorder was out of the room"
        self._guarded(lambda: self._tape.note("gap", start, until=until, reason=reason))
        self._report("gap", reason, t=start, until=until)

    def _report(self, kind: ReportKind, reason: str = "", *, t: int | None = None, until: int = 0) -> None:
        self._send(
            Report(
                self._assignment.recording_id,
                kind,
                t=self._tape.now() if t is None else t,
                bytes=self._tape.bytes,
                reason=reason,
                origin=self._tape.origin_wall,
                until=until,
            )
        )


def make_client(assignment: Assignment, recorder: Recorder, token: Callable[[], str]) -> Client:
    """The participant of a recording."""
    client = Client(assignment.url, token, recorder)
    recorder.room = client  # type: ignore[assignment]  # Quality is an int to the caller
    return client
