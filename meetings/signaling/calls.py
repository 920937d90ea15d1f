"""Questions of the server to a participant (PerformRpc): asked over its data channel, and answered in time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from livekit.protocol import models

from meetings.signaling.data import RELIABLE, Packet

ACKNOWLEDGED_SECONDS = 2.0
ANSWERED_SECONDS = 10.0  # unless the question says otherwise
LONGEST_SECONDS = 60.0
PAYLOAD = 15_360  # bytes of a question and of an answer, as in LiveKit's clients
PENDING = 256  # questions of one room without an answer
VERSION = 1

APPLICATION_ERROR, CONNECTION_TIMEOUT, RESPONSE_TIMEOUT, DISCONNECTED = 1500, 1501, 1502, 1503
TOO_LARGE, UNSUPPORTED_METHOD = 1402, 1400


class CallFailed(Exception):
    """No answer, or an error as the answer; `code` is one of LiveKit's RPC error codes."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"RpcError {code}: {message}")
        self.code = code


@dataclass
class _Call:
    destination: str
    acknowledged: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    answer: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Calls:
    """The questions of one room that wait for an answer."""

    def __init__(self) -> None:
        self._pending: dict[str, _Call] = {}

    async def ask(
        self, destination: str, method: str, payload: str, seconds: float, send: Callable[[Packet], None]
    ) -> str:
        """The answer of the participant with this identity. Raises CallFailed."""
        if len(payload.encode()) > PAYLOAD:
            raise CallFailed(TOO_LARGE, "Request payload too large")
        if len(self._pending) >= PENDING:
            raise CallFailed(APPLICATION_ERROR, "too many questions without an answer")
        name, call = secrets.token_hex(16), _Call(destination)
        self._pending[name] = call
        try:
            send(_question(name, destination, method, payload, seconds))
            return await self._answer(call, seconds)
        finally:
            del self._pending[name]

    async def _answer(self, call: _Call, seconds: float) -> str:
        """An answer is an acknowledgement, too."""
        patience = min(seconds, ACKNOWLEDGED_SECONDS)
        heard, _ = await asyncio.wait(
            {call.acknowledged, call.answer}, timeout=patience, return_when=asyncio.FIRST_COMPLETED
        )
        if not heard:
            raise CallFailed(CONNECTION_TIMEOUT, "Connection timeout")
        try:
            return await asyncio.wait_for(call.answer, seconds)
        except TimeoutError:
            raise CallFailed(RESPONSE_TIMEOUT, "Response timeout") from None

    def take(self, packet: Packet, sender: str) -> bool:
        """Whether the message answers a question of ours, so that it concerns nobody else."""
        call = self._pending.get(packet.answers)
        if call is None or call.destination != sender:
            return False
        message = models.DataPacket.FromString(packet.payload)
        if message.HasField("rpc_ack"):
            if not call.acknowledged.done():
                call.acknowledged.set_result("")
        elif not call.answer.done():
            _settle(call.answer, message.rpc_response)
        return True

    def gone(self, identity: str) -> None:
        """Who was asked has left."""
        for call in self._pending.values():
            if call.destination == identity and not call.answer.done():
                call.answer.set_exception(CallFailed(DISCONNECTED, "Recipient disconnected"))


def _settle(answer: asyncio.Future[str], response: models.RpcResponse) -> None:
    if response.HasField("error"):
        answer.set_exception(CallFailed(response.error.code, response.error.message))
    else:
        answer.set_result(response.payload)


def _question(name: str, destination: str, method: str, payload: str, seconds: float) -> Packet:
    """Its sender is its own name: answers are addressed to it, and so to no participant."""
    request = models.RpcRequest(
        id=name, method=method, payload=payload, response_timeout_ms=int(seconds * 1000), version=VERSION
    )
    packet = models.DataPacket(
        kind=models.DataPacket.RELIABLE,
        participant_identity=name,
        destination_identities=[destination],
        rpc_request=request,
    )
    return Packet(RELIABLE, packet.SerializeToString(), (destination,))
