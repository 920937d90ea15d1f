"""A meeting that has been held, once over SQLite and once over PostgreSQL."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI

from tests.fakes import ManualClock
from tests.minutes_stage import Stage, staged


@pytest.fixture
async def stage(any_app: FastAPI, clock: ManualClock) -> AsyncIterator[Stage]:
    async with staged(any_app, clock) as made:
        yield made


@pytest.fixture
async def one_stage(app: FastAPI, clock: ManualClock) -> AsyncIterator[Stage]:
    """On SQLite only: for what does not depend on the database."""
    async with staged(app, clock) as made:
        yield made
