"""How connections are, as participants, the operator and newcomers are told."""

from __future__ import annotations

import re

import pytest
from livekit.protocol import models, rtc

from meetings.signaling.media import schema
from meetings.signaling.quality import BothWays, Measured, Quality, rate_way
from meetings.signaling.relay import Overloaded
from tests.fakes_relay import video
from tests.unit.signaling.test_relay import Guest, House


@pytest.fixture
async def house() -> House:
    house = House()
    await house.relay.start()
    return house


def figures(share: float = 1.0, cpu: float = 0.25) -> schema.WorkerFigures:
    return schema.WorkerFigures(cpu, 3.0, share, 10, 20, 3000, 1, 4, 2, 2)


def values(text: str) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"^meetings_relay_(\S+) (\S+)$", text, re.M)}


@pytest.mark.parametrize(
    ("way", "quality"),
    [
        (Measured(0.0, 5, 40), Quality.EXCELLENT),
        (Measured(0.05, 20, 60), Quality.GOOD),
        (Measured(0.2, 20, 60), Quality.POOR),
        (Measured(0.0, 200, 600), Quality.POOR),
        (Measured(0.0, 5, 40, granted=0.3), Quality.GOOD),
        (Measured(0.0, 5, 40, granted=0.3, starved=1), Quality.POOR),
    ],
)
def test_loss_delay_and_what_is_held_back_lower_the_quality(way: Measured, quality: Quality) -> None:
    assert rate_way(way).quality is quality


def test_a_connection_is_as_good_as_its_worse_direction() -> None:
    both = BothWays()
    assert both.measured(Measured(0.2, 5, 40), receiving=False).quality is Quality.POOR
    assert both.measured(Measured(0.0, 5, 40), receiving=True).quality is Quality.POOR
    assert both.measured(Measured(0.0, 5, 40), receiving=False).quality is Quality.EXCELLENT


async def test_everybody_is_told_when_a_connection_gets_worse_in_either_direction(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    house.worker.emit(schema.ProducerStats(schema.TransportId(f"{hue.sid}.pub"), 0.3, 5.0))
    told = vinh.told("connection_quality")[-1].updates[0]
    assert (told.participant_sid, told.quality) == (hue.sid, models.ConnectionQuality.POOR)
    assert 1 <= told.score <= 3.1


async def test_a_subscriber_is_told_which_pictures_have_no_room(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    hue.announces("c-cam", models.TrackType.VIDEO)
    hue.offers(video("c-cam"))
    vinh.answers()
    consumer = house.worker.sent(schema.Consume)[-1].consumer_id
    for starved in (True, False):
        house.worker.emit(schema.ConsumerStarved(consumer, starved))
    states = [one.stream_states[0] for one in vinh.told("stream_state_update")]
    track = hue.told("track_published")[-1].track.sid
    assert [(one.participant_sid, one.track_sid, one.state) for one in states] == [
        (hue.sid, track, rtc.StreamState.PAUSED),
        (hue.sid, track, rtc.StreamState.ACTIVE),
    ]
    assert not hue.told("stream_state_update")


async def test_the_worker_learns_what_comes_first_who_speaks_and_whom_never_to_thin(house: House) -> None:
    hue, vinh = Guest(house, "hue").connects(), Guest(house, "vinh").connects()
    recorder = Guest(house, "recorder", hidden=True, recorder=True).connects()
    hue.announces("c-cam", models.TrackType.VIDEO)
    hue.offers(video("c-cam"))
    vinh.answers()
    recorder.answers()
    track = hue.told("track_published")[-1].track.sid
    assert {one.transport_id: one.unthinned for one in house.worker.sent(schema.Consume)} == {
        f"{vinh.sid}.sub": False,
        f"{recorder.sid}.sub": True,
    }
    vinh.says(track_setting=rtc.UpdateTrackSettings(track_sids=[track], width=1280, height=720, priority=1))
    assert [(one.priority, one.prominent) for one in house.worker.sent(schema.SetImportance)] == [(0, True)]
    microphone = hue.publishes()
    for level, active in [(0.5, True), (0.0, False)]:
        house.worker.emit(schema.AudioLevels([(schema.ProducerId(microphone), level, active)]))
    assert [(one.producer_id, one.speaking) for one in house.worker.sent(schema.SetSpeaking)] == [
        (track, True),
        (track, False),
    ]


async def test_an_overloaded_relay_opens_no_room_and_keeps_those_it_has(house: House) -> None:
    Guest(house, "hue").connects()
    for _ in range(5):
        house.worker.emit(figures(share=0.64, cpu=0.95))
    Guest(house, "vinh").connects()
    with pytest.raises(Overloaded):
        house.relay.open_room("another")
    assert values(house.relay.metrics())["rooms_refused_total"] == 1
    house.worker.emit(figures())
    house.relay.open_room("another")


@pytest.mark.parametrize(("cpu", "reports"), [(0.95, 4), (0.4, 100)], ids=["for a moment", "by other programs"])
async def test_a_machine_that_is_busy_for_a_moment_or_with_something_else_refuses_nobody(
    house: House, cpu: float, reports: int
) -> None:
    for _ in range(reports):
        house.worker.emit(figures(share=0.2, cpu=cpu))
    house.relay.open_room("another")


async def test_the_operator_reads_how_worker_and_participants_are(house: House) -> None:
    hue = Guest(house, 'hue "of" the\\hall').connects()
    house.worker.emit(figures())
    transport = schema.TransportId(f"{hue.sid}.sub")
    house.worker.emit(schema.ConsumerStats(transport, 0.05, 20.0, 60.0, 800_000.0, 0.5, 1))
    text = house.relay.metrics()
    read = values(text)
    assert read["rooms"] == read["participants"] == 1
    assert (read["packets_sent_total"], read["worker_cpu"], read["worker_lag_seconds"]) == (20, 0.25, 0.003)
    here = '{room="m1",participant="hue \\"of\\" the\\\\hall"}'
    assert f"meetings_relay_participant_quality{here} 1\n" in text
    assert f"meetings_relay_participant_estimate_bits{here} 800000\n" in text
    assert f"meetings_relay_participant_paused_pictures{here} 1\n" in text
    assert f"meetings_relay_participant_loss{here} 0.05\n" in text


async def test_counters_go_on_over_the_end_of_a_worker(house: House) -> None:
    house.worker.emit(figures())
    house.worker.end("killed")
    await house.relay.keeper.restarted()
    house.worker.emit(figures())
    read = values(house.relay.metrics())
    assert (read["packets_sent_total"], read["worker_restarts_total"], read["worker_up"]) == (40, 1, 1)
