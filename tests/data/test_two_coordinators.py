"""Two coordinators over one PostgreSQL and one data folder are one house: they share events, work, sessions, limits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from fastapi import FastAPI

from meetings import events, jobs
from meetings.access import Role
from meetings.app import create_app
from meetings.config import Settings
from meetings.context import Context
from meetings.directory.accounts import create_account
from meetings.directory.passwords import chosen
from meetings.events import EventBus
from meetings.jobs import JobContext, JobRunner
from tests.conftest import logged_in
from tests.fakes import Browser, ManualClock, eventually

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True),
]
PASSWORD = "mot hai ba bon"


def of(app: FastAPI) -> Context:
    found: Context = app.state.context
    return found


@pytest.fixture
async def house(settings: Settings, database_url: str, clock: ManualClock) -> AsyncIterator[tuple[FastAPI, FastAPI]]:
    """Neither hears the other but through the database: their poll comes too late for any test."""
    shared = settings.model_copy(update={"database_url": database_url})
    pair = create_app(shared, clock), create_app(shared, clock)
    for app in pair:
        app.state.context = replace(of(app), bus=EventBus(of(app).database, poll_seconds=600))
    yield pair
    for app in pair:
        await of(app).database.dispose()


async def test_what_one_commits_the_other_s_followers_are_told(house: tuple[FastAPI, FastAPI]) -> None:
    first, second = (of(app) for app in house)
    stop = asyncio.Event()
    running = [asyncio.create_task(context.bus.run(stop)) for context in (first, second)]
    following = second.bus.follow(events.HOUSE)

    async def say(number: int) -> None:
        async with first.database.transaction() as session:
            await events.append(session, chain=events.HOUSE, kind="said", at=first.clock.now(), payload={"n": number})

    async def heard(number: int) -> None:
        async with asyncio.timeout(60):
            assert (await anext(following)).payload == {"n": number}

    await say(0)
    await heard(0)  # by reading; from now on it waits for word of the other
    for number in range(1, 4):
        waiting = asyncio.create_task(heard(number))
        await eventually(lambda: second.bus.follower_count == 1, what="it follows")
        await say(number)
        await waiting
    await following.aclose()
    stop.set()
    await asyncio.gather(*running)


async def test_work_is_done_once_whoever_does_it(house: tuple[FastAPI, FastAPI]) -> None:
    done: Counter[str] = Counter()
    by: Counter[int] = Counter()

    def worker(number: int) -> JobRunner:
        async def work(job: JobContext) -> None:
            by[number] += 1
            await eventually(lambda: set(by) == {0, 1}, what="the other at work, too", within=60)
            done[job.job_id] += 1

        context = of(house[number])
        return JobRunner(context.database, context.clock, {"letter": work})

    runners = [worker(0), worker(1)]
    stop = asyncio.Event()
    tasks = [asyncio.create_task(runner.run(stop)) for runner in runners]
    async with of(house[0]).database.transaction() as session:
        wanted = {await jobs.enqueue(session, "letter", {"n": number}) for number in range(40)}
    await eventually(lambda: set(done) == wanted, what="forty jobs", within=90)
    await asyncio.sleep(0.1)  # time for one too many
    stop.set()
    await asyncio.gather(*tasks)
    assert set(done.values()) == {1}


async def test_a_session_of_one_is_known_to_the_other_until_it_ends_there(house: tuple[FastAPI, FastAPI]) -> None:
    at_first = await logged_in(house[0], Role.SECRETARY)
    async with at_first, Browser(house[1]) as at_second:
        at_second.cookies.update(at_first.cookies)
        assert (await at_second.get("/account")).status_code == 200
        token = await at_first.token()
        at_second.cookies.update(at_first.cookies)
        at_second.form_token = token  # a form that one showed is taken by the other
        assert (await at_second.post("/logout")).status_code == 303
        assert (await at_first.get("/account")).status_code in (303, 403)


async def test_wrong_passwords_are_counted_together(house: tuple[FastAPI, FastAPI]) -> None:
    context = of(house[0])
    async with context.database.transaction() as session:
        await create_account(
            session,
            login="thu.ky",
            display_name="Thư Ký",
            password=await chosen(PASSWORD, "thu.ky"),
            roles=[Role.SECRETARY],
            now=context.clock.now(),
        )
    async with Browser(house[0]) as first, Browser(house[1]) as second:
        answers = []
        for number in range(14):
            browser = (first, second)[number % 2]
            answers.append((await browser.post("/login", data={"login": "thu.ky", "password": "x"})).status_code)
            if answers[-1] == 429:
                break
        assert answers[-1] == 429, answers
        alone = len(answers)
        right = {"login": "thu.ky", "password": PASSWORD}
        for browser in (first, second):
            assert (await browser.post("/login", data=right)).status_code == 429, "both refuse, even the right one"
        context.clock.advance(3600)  # type: ignore[attr-defined]  # the fixture's clock is moved by hand
        assert (await second.post("/login", data=right)).status_code == 303
    assert alone <= 12
