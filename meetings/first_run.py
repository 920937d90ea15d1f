"""What happens before the first page: the schema, the demonstration or the first administrator's link."""

from __future__ import annotations

import sys

from meetings import demo, migrations
from meetings.clock import Clock
from meetings.config import Settings
from meetings.database import Database
from meetings.directory.setup import make_setup_link
from meetings.serve import house_address
from meetings.terminal import _


async def prepare(settings: Settings, clock: Clock) -> None:
    """Safe to run at every start. On PostgreSQL an existing schema is upgraded by `meetings db upgrade` only."""
    database = Database(settings.database_url)
    try:
        found = await migrations.current_revision(database)
        if settings.is_sqlite or found is None:
            await migrations.upgrade(settings)
        elif found != migrations.head_revision():
            words = (
                "Cơ sở dữ liệu ở phiên bản {found}, phần mềm này cần {wanted}. Chạy ./run db upgrade sau khi sao lưu."
            )
            sys.exit(_(words, found=found, wanted=migrations.head_revision()))
        if settings.demo:
            await demo.seed(settings, database, clock)
            await _demo_points(settings, database)
        else:
            await _first_admin(settings, database, clock)
    finally:
        await database.dispose()


async def _demo_points(settings: Settings, database: Database) -> None:
    """Links of invented rooms are no secret: whoever tries the system opens them in windows of their own."""
    async with database.read() as session:
        paths = await demo.point_paths(session, settings)
    house = house_address(settings)
    lines = "\n".join(f"  {name}: {house}{path}" for name, path in paths[:5])
    print(  # noqa: T201 only a demonstration tells them
        f"\n{_('Điểm cầu minh họa; mở mỗi điểm trong một cửa sổ ẩn danh riêng:')}\n{lines}\n",
        flush=True,
    )


async def _first_admin(settings: Settings, database: Database, clock: Clock) -> None:
    async with database.transaction() as session:
        token = await make_setup_link(session, clock.now())
    if token is not None:
        house = house_address(settings)
        print(  # noqa: T201 the one place where this link is ever told
            f"\n{_('Tạo tài khoản quản trị đầu tiên (một lần, trong vòng một ngày):')}\n"
            f"  {house}/setup/{token}\n  http://localhost:{settings.port}/setup/{token}\n",
            flush=True,
        )
