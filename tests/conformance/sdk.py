"""The Python SDK as a participant, with canvases of its own and an eye and an ear for every track it receives."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from tests.conformance.clients import (
    AS_USUAL,
    BY_ITSELF,
    PATIENCE_SECONDS,
    Joining,
    Known,
    Picture,
    Publishing,
    Sound,
    Stream,
)
from tests.sdk_exit import frames
from tests.senders import Sender, loudest

WIDTH, HEIGHT, RATE = 960, 540, 15  # from this size on the Python SDK sends layers of different sizes
SAMPLE_RATE = 48_000
_SOURCES = {
    "camera": rtc.TrackSource.SOURCE_CAMERA,
    "microphone": rtc.TrackSource.SOURCE_MICROPHONE,
    "screen_share": rtc.TrackSource.SOURCE_SCREENSHARE,
}
_NAMES = {number: name for name, number in _SOURCES.items()}
_QUALITIES = {0: "poor", 1: "good", 2: "excellent", 3: "lost"}
_SIMULATED = {
    "signal-reconnect": rtc.SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT,
    "full-reconnect": rtc.SimulateScenarioKind.SIMULATE_FULL_RECONNECT,
    "disconnect-signal-on-resume": rtc.SimulateScenarioKind.SIMULATE_DISCONNECT_SIGNAL_ON_RESUME,
}


class SdkClient:
    """A participant made of the Python SDK."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.room = rtc.Room()
        self.disconnect_reason: int | None = None
        self.reconnected = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: list[asyncio.Task[None]] = []
        self._watching: dict[tuple[str, str], tuple[str, asyncio.Task[None]]] = {}  # by whose track; its sid
        self._pictures: dict[tuple[str, str], Picture] = {}
        self._sounds: dict[str, NDArray[np.int16]] = {}
        self._said: list[tuple[str, str]] = []
        self._texts: list[tuple[str, str]] = []
        self._files: list[tuple[str, str, int]] = []
        self._speaking: set[str] = set()
        self._qualities: dict[str, str] = {}
        self._microphone: rtc.LocalAudioTrack | None = None
        self._single = False
        self._listen_to_the_room()

    def _listen_to_the_room(self) -> None:
        room = self.room
        room.on("track_subscribed", self._subscribed)
        room.on("track_unsubscribed", self._unsubscribed)
        room.on("data_received", self._received)
        room.on("disconnected", self._disconnected)
        room.on("reconnected", self._came_back)
        room.on("active_speakers_changed", self._speakers_changed)
        room.on("connection_quality_changed", self._quality_changed)
        room.register_text_stream_handler("words", self._text_comes)
        room.register_byte_stream_handler("files", self._file_comes)

    # ------------------------------------------------------------------------------------------ coming and going

    async def join(self, url: str, access_token: str, joining: Joining = BY_ITSELF) -> None:
        options = rtc.RoomOptions(
            auto_subscribe=joining.auto_subscribe,
            dynacast=joining.dynacast,
            single_peer_connection=joining.single,
        )
        if joining.secret:
            options.encryption = rtc.E2EEOptions(rtc.KeyProviderOptions(shared_key=joining.secret.encode()))
        await asyncio.wait_for(self.room.connect(url, access_token, options), PATIENCE_SECONDS)
        local = self.room.local_participant
        local.register_rpc_method("greet", self._greet)
        local.register_rpc_method("refuse", self._refuse)

    async def refusal(self, url: str, access_token: str) -> str:
        try:
            await asyncio.wait_for(rtc.Room().connect(url, access_token), PATIENCE_SECONDS)
        except rtc.ConnectError as error:
            return str(error.message)
        return ""

    async def others(self) -> set[str]:
        return set(self.room.remote_participants)

    async def single(self) -> bool:
        """Whether all media goes one way: with two connections there are two sets of statistics with a transport."""
        stats = await self.room.get_rtc_stats()
        return not [one for one in stats.subscriber_stats if one.HasField("transport")]

    async def connected(self) -> bool:
        return self.room.isconnected()

    async def reconnections(self) -> int:
        return self.reconnected

    async def reason(self) -> str:
        if self.disconnect_reason is None:
            return ""
        return str(rtc.DisconnectReason.Name(self.disconnect_reason))  # type: ignore[arg-type]  # it is one

    async def simulate(self, what: str) -> None:
        await self.room.simulate_scenario(_SIMULATED[what])

    async def leave(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()

    # ------------------------------------------------------------------------------------------ sending

    async def publish(self, sender: Sender) -> None:
        await self.publish_sound(sender)
        await self.publish_picture(sender)

    async def publish_sound(self, sender: Sender, *, red: bool = True, left: bool = False) -> None:
        channels = 2 if left else 1
        source = rtc.AudioSource(SAMPLE_RATE, channels)
        self._microphone = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        self._send(_hum(source, sender.hertz, channels))
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, red=red)
        await self.room.local_participant.publish_track(self._microphone, options)

    async def publish_picture(self, sender: Sender, how: Publishing = AS_USUAL) -> None:
        canvas = rtc.VideoSource(WIDTH, HEIGHT)
        track = rtc.LocalVideoTrack.create_video_track(how.source, canvas)
        self._send(_paint(canvas, sender.rgb))
        options = rtc.TrackPublishOptions(
            source=_SOURCES[how.source],
            simulcast=how.simulcast,
            video_codec=rtc.VideoCodec.Value(how.codec.upper()),
            video_encoding=rtc.VideoEncoding(max_bitrate=800_000, max_framerate=RATE),
        )
        if how.mode:
            options.scalability_mode = how.mode
        await self.room.local_participant.publish_track(track, options)

    async def unpublish(self) -> None:
        for sid in list(self.room.local_participant.track_publications):
            await self.room.local_participant.unpublish_track(sid)
        for task in self._sending:
            task.cancel()
        self._sending.clear()

    async def mute(self, muted: bool) -> None:
        assert self._microphone is not None
        if muted:
            self._microphone.mute()
        else:
            self._microphone.unmute()

    async def muted_here(self) -> bool:
        assert self._microphone is not None
        return self._microphone.muted

    async def encodes(self, codec: str) -> bool:
        return True

    async def decodes(self, codec: str) -> bool:
        return True

    async def sends(self) -> list[Stream]:
        return await self._streams("outbound_rtp")

    async def receives(self) -> list[Stream]:
        return await self._streams("inbound_rtp")

    async def _streams(self, kind: str) -> list[Stream]:
        stats = await self.room.get_rtc_stats()
        found = []
        for side in (stats.publisher_stats, stats.subscriber_stats):
            codecs = {one.codec.rtc.id: one.codec.codec.mime_type.lower() for one in side if one.HasField("codec")}
            for one in side:
                if one.HasField(kind):  # type: ignore[arg-type]  # one of its names
                    found.append(_stream(getattr(one, kind), kind, codecs))
        return [one for one in found if one.codec]

    # ------------------------------------------------------------------------------------------ receiving

    async def sees(self, identity: str, source: str = "camera") -> Picture | None:
        return self._pictures.get((identity, source))

    async def forget(self, identity: str) -> None:
        """Only what arrives from now on counts."""
        for key in [key for key in self._pictures if key[0] == identity]:
            del self._pictures[key]

    async def hears(self, identity: str) -> Sound | None:
        """Of the last second; a track that brings nothing any more is silent."""
        both = await self.hears_stereo(identity)
        return max(both, key=lambda sound: sound.level) if both else None

    async def hears_stereo(self, identity: str) -> tuple[Sound, Sound] | None:
        self._sounds.pop(identity, None)
        await asyncio.sleep(1.2)
        samples = self._sounds.get(identity)
        if samples is None or len(samples) < SAMPLE_RATE // 2:
            return Sound(0.0, 0.0), Sound(0.0, 0.0)
        left, right = (_measured(samples[:, channel]) for channel in (0, 1))
        return left, right

    async def known(self, identity: str) -> Known | None:
        one = self.room.remote_participants.get(identity)
        return Known(one.name, one.metadata, dict(one.attributes)) if one else None

    async def attributes(self, identity: str) -> dict[str, str]:
        known = await self.known(identity)
        return known.attributes if known else {}

    async def sources(self, identity: str) -> set[str]:
        one = self.room.remote_participants.get(identity)
        return {_NAMES[track.source] for track in one.track_publications.values()} if one else set()

    async def muted(self, identity: str) -> bool | None:
        publication = self._publication(identity, "microphone")
        return publication.muted if publication else None

    async def speaking(self) -> set[str]:
        return set(self._speaking)

    async def quality(self, identity: str) -> str:
        return self._qualities.get(identity, "")

    async def room_metadata(self) -> str:
        return str(self.room.metadata)

    async def may_publish(self) -> bool:
        return bool(self.room.local_participant.permissions.can_publish)

    async def wants(self, identity: str, *, high: bool) -> None:
        publication = self._publication(identity, "camera")
        assert publication is not None
        quality = rtc.VideoQuality.VIDEO_QUALITY_HIGH if high else rtc.VideoQuality.VIDEO_QUALITY_LOW
        publication.set_video_quality(quality)

    async def subscribe(self, identity: str, source: str, wanted: bool) -> None:
        publication = self._publication(identity, source)
        assert publication is not None
        publication.set_subscribed(wanted)

    async def subscribed(self, identity: str, source: str) -> bool:
        publication = self._publication(identity, source)
        return publication is not None and publication.track is not None

    async def permit(self, identities: list[str] | None) -> None:
        allowed = [rtc.ParticipantTrackPermission(participant_identity=one, allow_all=True) for one in identities or []]
        self.room.local_participant.set_track_subscription_permissions(
            allow_all_participants=identities is None, participant_permissions=allowed
        )

    def _publication(self, identity: str, source: str) -> rtc.RemoteTrackPublication | None:
        one = self.room.remote_participants.get(identity)
        tracks = one.track_publications.values() if one else ()
        return next((track for track in tracks if track.source == _SOURCES[source]), None)

    # ------------------------------------------------------------------------------------------ words

    async def say(self, text: str, to: list[str] | None = None, *, lossy: bool = False) -> None:
        local = self.room.local_participant
        await local.publish_data(text, reliable=not lossy, topic="t", destination_identities=to or [])

    async def heard_say(self) -> list[tuple[str, str]]:
        return list(self._said)

    async def send_text(self, text: str) -> None:
        await self.room.local_participant.send_text(text, topic="words")

    async def texts(self) -> list[tuple[str, str]]:
        return list(self._texts)

    async def send_file(self, name: str, size: int) -> None:
        await self.room.local_participant.send_bytes(os.urandom(size), name=name, topic="files")

    async def files(self) -> list[tuple[str, str, int]]:
        return list(self._files)

    async def call_method(self, identity: str, method: str, payload: str) -> str:
        try:
            return await self.room.local_participant.perform_rpc(
                destination_identity=identity, method=method, payload=payload
            )
        except rtc.RpcError as error:
            return f"error {error.code}: {error.message}"

    async def describe(self, attributes: dict[str, str]) -> None:
        await self.room.local_participant.set_attributes(attributes)

    async def rename(self, name: str) -> None:
        await self.room.local_participant.set_name(name)

    async def annotate(self, metadata: str) -> None:
        await self.room.local_participant.set_metadata(metadata)

    async def _greet(self, call: rtc.RpcInvocationData) -> str:
        return f"{call.payload}, {call.caller_identity}"

    async def _refuse(self, call: rtc.RpcInvocationData) -> str:
        raise rtc.RpcError(1507, "not today")

    # ------------------------------------------------------------------------------------------ what happens

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        self._tasks.add(task := asyncio.ensure_future(work))
        return task

    def _send(self, work: Coroutine[Any, Any, None]) -> None:
        self._sending.append(self._keep(work))

    def _subscribed(self, track: Any, publication: Any, participant: rtc.RemoteParticipant) -> None:
        source = _NAMES[publication.source]
        watch = self._look if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen
        self._stop_watching(participant.identity, source)
        task = self._keep(watch(track, participant.identity, source))
        self._watching[participant.identity, source] = (publication.sid, task)

    def _unsubscribed(self, track: Any, publication: Any, participant: rtc.RemoteParticipant) -> None:
        key = participant.identity, _NAMES[publication.source]
        if key in self._watching and self._watching[key][0] == publication.sid:  # not the one that came after it
            self._stop_watching(*key)

    def _stop_watching(self, identity: str, source: str) -> None:
        if (watched := self._watching.pop((identity, source), None)) is not None:
            watched[1].cancel()

    def _received(self, packet: rtc.DataPacket) -> None:
        self._said.append((packet.participant.identity if packet.participant else "", packet.data.decode()))

    def _disconnected(self, reason: int) -> None:
        self.disconnect_reason = reason

    def _came_back(self) -> None:
        self.reconnected += 1

    def _speakers_changed(self, speakers: list[rtc.Participant]) -> None:
        self._speaking = {one.identity for one in speakers}

    def _quality_changed(self, participant: rtc.Participant, quality: int) -> None:
        self._qualities[participant.identity] = _QUALITIES[quality]

    def _text_comes(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._keep(self._read_text(reader, identity))

    def _file_comes(self, reader: rtc.ByteStreamReader, identity: str) -> None:
        self._keep(self._read_file(reader, identity))

    async def _read_text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._texts.append((identity, await reader.read_all()))

    async def _read_file(self, reader: rtc.ByteStreamReader, identity: str) -> None:
        parts = [part async for part in reader]
        self._files.append((identity, reader.info.name, sum(map(len, parts))))

    async def _look(self, track: Any, identity: str, source: str) -> None:
        async for event in frames(rtc.VideoStream(track, format=rtc.VideoBufferType.RGBA)):
            frame = event.frame
            pixels = np.frombuffer(frame.data, np.uint8).reshape(frame.height, frame.width, 4)
            middle = pixels[frame.height // 4 : -frame.height // 4 : 4, frame.width // 4 : -frame.width // 4 : 4, :3]
            r, g, b = (float(value) for value in middle.mean((0, 1)))
            self._pictures[identity, source] = Picture((r, g, b), frame.width, frame.height)

    async def _listen(self, track: Any, identity: str, source: str) -> None:
        async for event in frames(rtc.AudioStream(track, sample_rate=SAMPLE_RATE, num_channels=2)):
            heard = np.frombuffer(event.frame.data, np.int16).reshape(-1, 2)
            before = self._sounds.get(identity, np.empty((0, 2), np.int16))
            self._sounds[identity] = np.concatenate([before, heard])[-SAMPLE_RATE:]


def _measured(samples: NDArray[np.int16]) -> Sound:
    level = float(np.sqrt(2 * (samples.astype(float) ** 2).mean()) / 32_768)
    return Sound(loudest(samples), level)


def _stream(stats: Any, kind: str, codecs: dict[str, str]) -> Stream:
    detail = stats.outbound if kind == "outbound_rtp" else stats.inbound
    codec = codecs.get(stats.stream.codec_id, "")
    if stats.stream.kind == "audio":
        sent = stats.sent.packets_sent if kind == "outbound_rtp" else stats.received.packets_received
        return Stream("audio", codec, "", 0, int(sent))
    frames = detail.frames_encoded if kind == "outbound_rtp" else detail.frames_decoded
    return Stream("video", codec, getattr(detail, "rid", ""), int(detail.frame_width), int(frames))


async def _hum(source: rtc.AudioSource, hertz: int, channels: int) -> None:
    """The tone; of two channels the right one is silent."""
    phase, step = 0, SAMPLE_RATE // 100
    while True:
        wave = np.sin((np.arange(step) + phase) * 2 * np.pi * hertz / SAMPLE_RATE) * 12_000
        phase += step
        shape = np.zeros((step, channels), np.int16)
        shape[:, 0] = wave
        await source.capture_frame(rtc.AudioFrame(shape.tobytes(), SAMPLE_RATE, channels, step))


async def _paint(canvas: rtc.VideoSource, rgb: tuple[int, int, int]) -> None:
    step = 0
    while True:
        pixels = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
        pixels[:, :, :3] = rgb
        pixels[8:24, step : step + 16, :3] = 128  # something moves, so that there is always something to encode
        step = (step + 8) % (WIDTH - 16)
        canvas.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, pixels.tobytes()))
        await asyncio.sleep(1 / RATE)
