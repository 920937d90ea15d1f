"""The media worker: its transports, producers and consumers, what commands do to them, what happens by itself.

Who closes what:

| event | closes | is told |
|---|---|---|
| CloseTransport | the transport, its producers with all their consumers, its consumers | the peer: close_notify |
| CloseProducer | the producer, its consumers | nobody |
| CloseConsumer | the consumer | nobody |
| peer lost (consent, DTLS) | nothing; its consumers stop | the control process: TransportLost, once |
| Shutdown, end of the control process | everything, then the socket | all peers: close_notify |
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from typing import assert_never
from weakref import WeakValueDictionary

import msgspec

from meetings.signaling.media import memory, port, schema, upkeep
from meetings.signaling.media.addresses import NoUsableAddress, announced, off_route
from meetings.signaling.media.consumer import Consumer
from meetings.signaling.media.dtls import Certificate
from meetings.signaling.media.ice import Credentials
from meetings.signaling.media.overload import Overload
from meetings.signaling.media.producer import Producer
from meetings.signaling.media.sockets import EVERYWHERE, bind, listen
from meetings.signaling.media.trace import Trace
from meetings.signaling.media.transport import Transport
from meetings.signaling.media.voices import Gate, Voices

logger = logging.getLogger(__name__)

_PACE_SECONDS = 0.005
_REPAIR_SECONDS = 0.02
_FEEDBACK_SECONDS = 0.05
_TICK_SECONDS = 0.1
_LEVELS_SECONDS = 0.4
_REPORT_SECONDS = 1.0
_STATISTICS_SECONDS = 3.0


class WorkerConfig(msgspec.Struct, frozen=True):
    """Where media is received and under which addresses browsers find it."""

    udp_port: int = 7882  # 0: any free one
    tcp_port: int | None = None  # None: no media over TCP
    udp_host: str = EVERYWHERE  # for both; IPv6, too, where this machine has it
    announce: list[str] = []  # empty: the default routes' addresses, then loopback
    loudest: int = 0  # of a room's microphones so many are passed on; 0: all


class WorkerError(Exception):
    """The worker cannot start or go on; its text is a sentence for the operator."""


class Worker:
    """Carries out commands and emits events. Everything happens on one event loop; nothing here awaits.

    A command about an id that is not known (any more) does nothing: the two sides race when something closes.
    """

    def __init__(self, config: WorkerConfig, emit: Callable[[schema.Event], None]) -> None:
        self.closed = False
        self._config = config
        self._emit = emit
        self._certificate = Certificate()
        self._port: port.Port | None = None
        self._transports: dict[schema.TransportId, Transport] = {}
        self._producers: dict[schema.ProducerId, Producer] = {}
        self._consumers: dict[schema.ConsumerId, Consumer] = {}
        self._voices: WeakValueDictionary[str, Voices] = WeakValueDictionary()  # by room, while it has microphones
        self._overload = Overload()
        self._trace = Trace()
        self._ticked_at = 0.0
        self._timers: dict[Callable[[float], None], asyncio.TimerHandle] = {}

    def start(self) -> schema.Ready:
        """Bind the socket; raises WorkerError when the port is taken or no address is usable."""
        config = self._config
        try:
            addresses = announced(config.announce)
            sockets = bind(config.udp_host, config.udp_port, off_route(addresses))
        except NoUsableAddress as error:
            raise WorkerError(str(error)) from error
        except OSError as error:
            where = f"UDP port {config.udp_port} on {config.udp_host}"
            raise WorkerError(f"{where} cannot be used: {error.strerror}.") from error
        if config.tcp_port is not None:
            sockets.tcp = _listening(config.udp_host, config.tcp_port)
        reachable = [address for address in addresses if sockets.reached_at(address)]
        if not reachable:
            sockets.close()
            raise WorkerError(f"This machine cannot be reached at {', '.join(addresses)}: it has no such network.")
        number, tcp_number = sockets.number, sockets.tcp_number
        self._port = port.Port(sockets)
        self._every(_PACE_SECONDS, self._pace)
        self._every(_REPAIR_SECONDS, self._repair)
        self._every(_FEEDBACK_SECONDS, self._feed_back)
        self._every(_TICK_SECONDS, self._tick)
        self._every(_LEVELS_SECONDS, self._levels)
        self._every(_REPORT_SECONDS, self._report)
        self._every(_STATISTICS_SECONDS, self._statistics)
        return schema.Ready(
            [(address, number) for address in reachable],
            "sha-256",
            self._certificate.fingerprint(),
            [(address, tcp_number) for address in reachable] if tcp_number else [],
        )

    def close(self) -> None:
        """Close everything; may be called again."""
        if self.closed:
            return
        self.closed = True
        for handle in self._timers.values():
            handle.cancel()
        for transport_id in list(self._transports):
            self._close_transport(transport_id)
        if self._port is not None:
            self._port.close()

    # ------------------------------------------------------------------------------------------ commands

    def handle(self, command: schema.Command) -> None:  # noqa: C901 - one line a case
        """Carry out one command."""
        if self.closed or self._port is None:
            return
        match command:
            case schema.CreateTransport():
                self._create_transport(command, self._port)
            case schema.SetRemote(transport_id):
                self._with_transport(transport_id, lambda transport: transport.set_remote(command))
            case schema.RestartIce():
                self._restart_ice(command, self._port)
            case schema.CloseTransport(transport_id):
                self._close_transport(transport_id)
            case schema.Produce():
                self._produce(command, self._port)
            case schema.SetProducerMuted(producer_id, muted):
                self._with_producer(producer_id, lambda producer: producer.set_muted(muted, _now()))
            case schema.SetAlwaysHeard(producer_id, always):
                self._with_producer(producer_id, lambda producer: producer.set_always_heard(always, _now()))
            case schema.CloseProducer(producer_id):
                self._close_producer(producer_id)
            case schema.Consume():
                self._consume(command)
            case schema.SetLayer(consumer_id, max_spatial):
                self._set_consumer(consumer_id, max_spatial=max_spatial)
            case schema.SetImportance():
                self._set_importance(command)
            case schema.SetSpeaking(producer_id, speaking):
                self._with_producer(producer_id, lambda producer: setattr(producer, "speaking", speaking))
            case schema.SetConsumerPaused(consumer_id, paused):
                self._set_consumer(consumer_id, paused=paused)
            case schema.CloseConsumer(consumer_id):
                self._close_consumer(consumer_id)
            case schema.RequestKeyframe(producer_id):
                self._with_producer(producer_id, lambda producer: producer.request_keyframes(_now()))
            case schema.SendData(transport_id, label, payload):
                self._with_transport(transport_id, lambda transport: transport.send_data(label, payload))
            case schema.Ping(number):
                self._emit(self._pong(number, self._port))
            case schema.Shutdown():
                self.close()
            case _:
                assert_never(command)

    def _with_transport(self, transport_id: schema.TransportId, act: Callable[[Transport], None]) -> None:
        transport = self._transports.get(transport_id)
        if transport is not None:
            act(transport)

    def _with_producer(self, producer_id: schema.ProducerId, act: Callable[[Producer], None]) -> None:
        producer = self._producers.get(producer_id)
        if producer is not None:
            act(producer)

    def _create_transport(self, command: schema.CreateTransport, at: port.Port) -> None:
        if command.transport_id not in self._transports:
            transport = Transport(command, self._certificate, at.sender, self._emit)
            transport.subscriber.way.share = self._overload.share
            self._transports[transport.id] = transport
            at.add(transport)

    def _restart_ice(self, command: schema.RestartIce, at: port.Port) -> None:
        transport = self._transports.get(command.transport_id)
        if transport is not None:
            transport.agent.restart(Credentials(command.ice_ufrag, command.ice_pwd))
            at.add(transport)

    def _close_transport(self, transport_id: schema.TransportId) -> None:
        transport = self._transports.pop(transport_id, None)
        if transport is None or self._port is None:
            return
        for producer in [producer for producer in self._producers.values() if producer.transport is transport]:
            self._close_producer(producer.id)
        for consumer in [consumer for consumer in self._consumers.values() if consumer.transport is transport]:
            self._close_consumer(consumer.id)
        transport.close()  # says goodbye over what `remove` closes
        self._port.remove(transport)

    def _produce(self, command: schema.Produce, at: port.Port) -> None:
        transport = self._transports.get(command.transport_id)
        if transport is None or command.producer_id in self._producers:
            return
        if not command.codecs or not command.encodings:
            logger.error("producer %s has no codec or no encoding", command.producer_id)
            return
        gate = Gate(command.producer_id, self._voices_of(command), always=command.always_heard)
        producer = Producer(command, transport, at.sender, self._emit, gate)
        self._producers[producer.id] = producer
        transport.receiver.expect(producer)

    def _voices_of(self, command: schema.Produce) -> Voices | None:
        """Without levels nobody can tell who is loud; voices of no room are not counted."""
        if not (self._config.loudest and command.room and command.extensions.audio_level):
            return None
        return self._voices.setdefault(command.room, Voices(self._config.loudest))

    def _close_producer(self, producer_id: schema.ProducerId) -> None:
        producer = self._producers.pop(producer_id, None)
        if producer is None:
            return
        for consumer in list(producer.consumers):
            self._close_consumer(consumer.id)
        producer.gate.left()
        producer.transport.receiver.forget(producer)

    def _consume(self, command: schema.Consume) -> None:
        producer = self._producers.get(command.producer_id)
        transport = self._transports.get(command.transport_id)
        if producer is None or transport is None or command.consumer_id in self._consumers:
            return
        if transport.subscriber.uses(command.ssrc):
            logger.error("consumer %s: its SSRC is in use on transport %s", command.consumer_id, transport.id)
            return
        consumer = Consumer(command, producer, transport)
        self._consumers[consumer.id] = consumer
        transport.subscriber.add(consumer)
        producer.add(consumer, _now())

    def _set_consumer(
        self, consumer_id: schema.ConsumerId, *, max_spatial: int | None = None, paused: bool | None = None
    ) -> None:
        consumer = self._consumers.get(consumer_id)
        if consumer is None:
            return
        if max_spatial is not None:
            consumer.max_spatial = max_spatial
        if paused is not None:
            consumer.paused = paused
        consumer.producer.select(consumer, _now())

    def _set_importance(self, command: schema.SetImportance) -> None:
        consumer = self._consumers.get(command.consumer_id)
        if consumer is not None:
            consumer.priority, consumer.prominent = command.priority, command.prominent

    def _close_consumer(self, consumer_id: schema.ConsumerId) -> None:
        consumer = self._consumers.pop(consumer_id, None)
        if consumer is not None:
            consumer.producer.remove(consumer)
            consumer.transport.subscriber.remove(consumer)

    def _pong(self, number: int, at: port.Port) -> schema.Pong:
        return schema.Pong(number, time.process_time(), at.packets_in, at.sender.packets, memory.resident())

    # ------------------------------------------------------------------------------------------ by itself

    def _every(self, seconds: float, act: Callable[[float], None]) -> None:
        """Call `act` again and again; a late call is not made up for."""

        def run() -> None:
            self._timers[act] = loop.call_later(seconds, run)
            act(_now())

        loop = asyncio.get_running_loop()
        self._timers[act] = loop.call_later(seconds, run)

    def _pace(self, now: float) -> None:
        for transport in self._transports.values():
            if transport.subscriber.way.busy:
                transport.subscriber.way.drain(now)

    def _repair(self, now: float) -> None:
        for transport in self._transports.values():
            transport.receiver.ask_again(now)

    def _feed_back(self, now: float) -> None:
        for transport in self._transports.values():
            transport.feed_back(now)

    def _tick(self, now: float) -> None:
        self._overload.ticked(now - self._ticked_at - _TICK_SECONDS if self._ticked_at else 0.0)
        self._ticked_at = now
        for transport in self._transports.values():
            transport.tick(now)
        for producer in self._producers.values():
            producer.tick(now)

    def _report(self, now: float) -> None:
        if self._overload.judge(now, time.process_time()):
            logger.warning("there is time for %d %% of the pictures", round(100 * self._overload.share))
            for transport in self._transports.values():
                transport.subscriber.way.share = self._overload.share
        for transport in self._transports.values():
            transport.report(now)
            if self._trace.wanted:
                self._trace.write(transport, now)

    def _levels(self, now: float) -> None:
        heard = [(producer, producer.levels.read()) for producer in self._producers.values() if producer.levels]
        if heard:
            levels = [(producer.id, *read) for producer, read in heard if not producer.muted and any(read)]
            self._emit(schema.AudioLevels(levels))

    def _statistics(self, now: float) -> None:
        for transport in self._transports.values():
            for statistics in transport.take_statistics():
                self._emit(statistics)
        if self._port is not None:
            self._emit(self._figures(self._port))

    def _figures(self, at: port.Port) -> schema.WorkerFigures:
        overload, sender = self._overload, at.sender
        return schema.WorkerFigures(
            cpu=overload.cpu,
            lag_ms=overload.take_lag() * 1000,
            share=overload.share,
            packets_in=at.packets_in,
            packets_out=sender.packets,
            bytes_out=sender.octets,
            unsent=sender.blocked,
            transports=len(self._transports),
            producers=len(self._producers),
            consumers=len(self._consumers),
            upkeep=upkeep.measure(),
        )


def _listening(host: str, number: int) -> list[socket.socket]:
    """The sockets for media over TCP; none when the port is taken, for most browsers come without it."""
    try:
        return listen(host, number)
    except OSError as error:
        logger.error(
            "TCP port %s on %s cannot be used: %s. Networks without UDP stay out.", number, host, error.strerror
        )
        return []


def _now() -> float:
    return time.monotonic()
