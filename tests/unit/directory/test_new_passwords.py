"""A password's hash takes its time; nobody else waits for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from meetings.access import Role
from meetings.context import Context
from meetings.directory import setup
from meetings.directory.accounts import create_account, set_password
from meetings.directory.passwords import chosen, matches
from meetings.errors import Invalid

GOOD = "mot hai ba bon"


class CountingExecutor(ThreadPoolExecutor):
    """The threads in which passwords are computed; the database has a thread of its own."""

    count = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture
async def threads() -> CountingExecutor:
    executor = CountingExecutor(1)
    asyncio.get_running_loop().set_default_executor(executor)
    return executor


async def test_within_a_transaction_no_password_is_computed(context: Context, threads: CountingExecutor) -> None:
    now = context.clock.now()
    first, second, third = [await chosen(f"{GOOD} {n}", "quan.tri") for n in range(3)]
    assert threads.count == 3
    async with context.database.transaction() as session:
        token = await setup.make_setup_link(session, now)
        assert token is not None
        await setup.use_setup_link(session, token, login="quan.tri", display_name="Q", password=first, now=now)
        account = await create_account(
            session, login="Van.Thu ", display_name="V", password=second, roles=[Role.CLERK], now=now
        )
        await set_password(session, "van.thu", third, now)
    assert threads.count == 3
    assert await matches(account.password_hash, f"{GOOD} 2")


@pytest.mark.parametrize("password", ["", "ngan", "x" * 201, "Van.Thu-2026-dai"])
async def test_a_bad_password_is_refused_and_never_computed(
    context: Context, threads: CountingExecutor, password: str
) -> None:
    ready = await chosen(password, "van.thu")
    with pytest.raises(Invalid) as refusal:
        async with context.database.transaction() as session:
            await create_account(
                session,
                login="van.thu",
                display_name="V",
                password=ready,
                roles=[Role.CLERK],
                now=context.clock.now(),
            )
    assert [fault.field for fault in refusal.value.faults] == ["password"]
    assert threads.count == 0


async def test_a_password_is_not_shown_by_accident() -> None:
    assert GOOD not in repr(await chosen(GOOD, "van.thu"))
