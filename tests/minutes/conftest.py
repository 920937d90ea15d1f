"""A meeting that has been held, once over SQLite and once over PostgreSQL."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from tests.fakes import ManualClock
from tests.minutes_stage import Stage, build


@pytest.fixture
async def stage(any_app: FastAPI, clock: ManualClock) -> AsyncIterator[Stage]:
    made = await build(any_app, clock)
    yield made
    for browser in made.browsers:
        await browser.aclose()


@pytest.fixture
async def one_stage(app: FastAPI, clock: ManualClock) -> AsyncIterator[Stage]:
    """On SQLite only: for what does not depend on the database."""
    made = await build(app, clock)
    yield made
    for browser in made.browsers:
        await browser.aclose()
