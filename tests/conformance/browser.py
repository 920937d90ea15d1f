"""livekit-client in a window of Chromium or Firefox as a participant; what it measures is measured in the page."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Protocol

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
from tests.senders import Sender


class Window(Protocol):
    """A browser tab that shows the test page."""

    async def run(self, expression: str) -> Any: ...


class BrowserClient:
    """livekit-client in a window (client.js). Its tone is that of the browser's fake microphone."""

    def __init__(self, name: str, window: Window) -> None:
        self.name = name
        self._window = window

    async def call(self, function: str, *arguments: Any) -> Any:
        words = ", ".join("undefined" if one is None else json.dumps(one) for one in arguments)
        return await asyncio.wait_for(self._window.run(f"client.{function}({words})"), PATIENCE_SECONDS)

    # ------------------------------------------------------------------------------------------ coming and going

    async def join(self, url: str, access_token: str, joining: Joining = BY_ITSELF) -> None:
        options: dict[str, Any] = {"adaptiveStream": joining.adaptive, "dynacast": joining.dynacast}
        if joining.single is not None:
            options["singlePeerConnection"] = joining.single
        if joining.secret:
            options["secret"] = joining.secret
        await self.call("join", url, access_token, options, {"autoSubscribe": joining.auto_subscribe})

    async def refusal(self, url: str, access_token: str) -> str:
        refused = await self.call("refusal", url, access_token)
        return f"{refused['reason']} {refused['status']} {refused['message']}" if refused else ""

    async def others(self) -> set[str]:
        return set(await self.call("others"))

    async def single(self) -> bool:
        return bool(await self.call("single"))

    async def connected(self) -> bool:
        return bool(await self.call("state") == "connected")

    async def reconnections(self) -> int:
        return int(await self.call("happened", "reconnected"))

    async def reason(self) -> str:
        told = [values for name, values in await self.call("events") if name == "disconnected"]
        return _REASONS.get(told[-1][0], str(told[-1][0])) if told and told[-1] else ""

    async def simulate(self, what: str) -> None:
        await self.call("simulate", what)

    async def leave(self) -> None:
        await self.call("leave")

    # ------------------------------------------------------------------------------------------ sending

    async def publish(self, sender: Sender) -> None:
        await self.call("publish", sender.rgb)

    async def publish_sound(self, sender: Sender, *, red: bool = True, left: bool = False) -> None:
        await self.call("publishSound", {"red": red, **({"left": True, "forceStereo": True} if left else {})})

    async def publish_picture(self, sender: Sender, how: Publishing = AS_USUAL) -> None:
        options: dict[str, Any] = {"videoCodec": how.codec, "simulcast": how.simulcast, "source": how.source}
        options |= {"scalabilityMode": how.mode} if how.mode else {}
        options |= {"backupCodec": {"codec": how.backup}, "beside": not how.instead} if how.backup else {}
        await self.call("publishPicture", sender.rgb, options)

    async def unpublish(self) -> None:
        await self.call("unpublish")

    async def mute(self, muted: bool) -> None:
        await self.call("mute", muted)

    async def muted_here(self) -> bool:
        return bool(await self.call("mutedHere"))

    async def encodes(self, codec: str) -> bool:
        return bool(await self.call("can", codec))

    async def decodes(self, codec: str) -> bool:
        return bool(await self.call("decodes", codec))

    async def sends(self) -> list[Stream]:
        return [Stream(**one) for one in await self.call("streams", "outbound-rtp")]

    async def receives(self) -> list[Stream]:
        return [Stream(**one) for one in await self.call("streams", "inbound-rtp")]

    # ------------------------------------------------------------------------------------------ receiving

    async def sees(self, identity: str, source: str = "camera") -> Picture | None:
        seen = await self.call("seen", identity, source)
        if seen is None:
            return None
        r, g, b = seen["rgb"]
        return Picture((r, g, b), seen["width"], seen["height"])

    async def forget(self, identity: str) -> None:
        """What it shows is what its element shows now; there is nothing to forget."""

    async def hears(self, identity: str) -> Sound | None:
        heard = await self.call("heard", identity)
        return None if heard is None else Sound(heard["hertz"], heard["level"])

    async def hears_stereo(self, identity: str) -> tuple[Sound, Sound] | None:
        heard = await self.call("heardStereo", identity)
        if heard is None:
            return None
        left, right = (Sound(one["hertz"], one["level"]) for one in heard)
        return left, right

    async def known(self, identity: str) -> Known | None:
        known = await self.call("known", identity)
        return Known(**known) if known else None

    async def attributes(self, identity: str) -> dict[str, str]:
        return dict(await self.call("attributes", identity) or {})

    async def sources(self, identity: str) -> set[str]:
        return set(await self.call("sources", identity))

    async def muted(self, identity: str) -> bool | None:
        muted = await self.call("muted", identity, "microphone")
        return None if muted is None else bool(muted)

    async def speaking(self) -> set[str]:
        return set(await self.call("speaking"))

    async def quality(self, identity: str) -> str:
        return str((await self.call("qualities")).get(identity, ""))

    async def room_metadata(self) -> str:
        return str(await self.call("roomMetadata"))

    async def may_publish(self) -> bool:
        return bool((await self.call("permissions") or {}).get("publish"))

    async def wants(self, identity: str, *, high: bool) -> None:
        await self.call("wants", identity, high)

    async def subscribe(self, identity: str, source: str, wanted: bool) -> None:
        await self.call("subscribe", identity, source, wanted)

    async def subscribed(self, identity: str, source: str) -> bool:
        return bool(await self.call("subscribed", identity, source))

    async def permit(self, identities: list[str] | None) -> None:
        await self._window.run(f"client.permit({json.dumps(identities)})")

    # ------------------------------------------------------------------------------------------ words

    async def say(self, text: str, to: list[str] | None = None, *, lossy: bool = False) -> None:
        await self.call("say", text, "t", to, lossy)

    async def heard_say(self) -> list[tuple[str, str]]:
        return [(one.get("from") or "", one["text"]) for one in await self.call("data")]

    async def send_text(self, text: str) -> None:
        await self.call("sendText", text)

    async def texts(self) -> list[tuple[str, str]]:
        return [(one["from"], one["text"]) for one in await self.call("texts")]

    async def send_file(self, name: str, size: int) -> None:
        await self.call("sendFile", name, size)

    async def files(self) -> list[tuple[str, str, int]]:
        return [(one["from"], one["name"], one["size"]) for one in await self.call("files")]

    async def call_method(self, identity: str, method: str, payload: str) -> str:
        told = await self.call("call", identity, method, payload)
        return str(told["answer"]) if "answer" in told else f"error {told['code']}: {told['message']}"

    async def describe(self, attributes: dict[str, str]) -> None:
        await self.call("describe", attributes)

    async def rename(self, name: str) -> None:
        await self.call("rename", name)

    async def annotate(self, metadata: str) -> None:
        await self.call("annotate", metadata)


_REASONS = {
    1: "CLIENT_INITIATED",
    2: "DUPLICATE_IDENTITY",
    3: "SERVER_SHUTDOWN",
    4: "PARTICIPANT_REMOVED",
    5: "ROOM_DELETED",
    6: "STATE_MISMATCH",
}
