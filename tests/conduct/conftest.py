"""The conference with a stand-in for the relay, once over SQLite and once over PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from tests.conduct_world import World, build
from tests.fakes import ManualClock
from tests.fakes_livekit import fake_relay


@pytest.fixture
async def world(any_app: FastAPI, clock: ManualClock) -> AsyncIterator[World]:
    async with _world(any_app, clock) as made:
        yield made


@pytest.fixture
async def one_world(app: FastAPI, clock: ManualClock) -> AsyncIterator[World]:
    """On SQLite only: for what does not depend on the database."""
    async with _world(app, clock) as made:
        yield made


@asynccontextmanager
async def _world(app: FastAPI, clock: ManualClock) -> AsyncIterator[World]:
    async with fake_relay(app.state.context.settings) as relay:
        made = await build(app, clock, relay)
        yield made
        for browser in made.browsers:
            await browser.aclose()
