"""Filing on both databases: numbers without gap or duplicate, one answer for one key, nothing half done."""

import asyncio
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from meetings import events
from meetings.database import Database
from meetings.errors import Conflict, Invalid, NoSpace
from meetings.register import reference, search
from meetings.register.folding import Query
from meetings.register.models import Document, DocumentType, RegisterColumn, Series, SeriesCounter
from meetings.register.search import Wanted, book, find, tallies
from meetings.register.service import Filing, Numbered, Organisation, file_document
from meetings.register.sweep import sweep
from meetings.register.verify import verify_documents
from meetings.store import Store

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOON = datetime(2026, 4, 23, 5, 0, tzinfo=UTC)
OFFICE = Organisation(symbol="VPUBND", name="Văn phòng", superior="Ủy ban nhân dân tỉnh", unit="TH")


def pdf(numbered: Numbered) -> bytes:
    return f"%PDF {numbered.symbol}".encode()


def filing(key: str = "key-00000001", title: str = "Họp giao ban", **changes: object) -> Filing:
    made = Filing(
        organisation=OFFICE,
        type_code="BB",
        title=title,
        signer="Nguyễn Văn Chủ Tọa",
        recipients="Lưu: VT, Hồ sơ.",
        keeper="Văn thư",
        render=pdf,
        idempotency_key=key,
        filed_by="a" * 16,
        filed_by_name="Văn thư",
        retention_code="mac_dinh",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "files")


async def put(database: Database, store: Store, wanted: Filing, at: datetime = NOON) -> Document:
    async with database.transaction() as session:
        return await file_document(session, store, wanted, now=at, zone=HANOI)


async def test_fifty_filings_at_once_get_the_numbers_one_to_fifty(database: Database, store: Store) -> None:
    filed = await asyncio.gather(*(put(database, store, filing(f"key-{n:08}")) for n in range(50)))
    assert sorted(document.number for document in filed) == list(range(1, 51))
    assert {document.symbol for document in filed} == {f"{n:02}/BB-VPUBND" for n in range(1, 51)}
    async with database.read() as session:
        assert await verify_documents(session, store) == []
        assert await events.verify_chain(session, "house") == []
    for document in filed:
        assert store.path_of(document.pdf_sha256).read_bytes() == f"%PDF {document.symbol}".encode()


async def test_the_same_key_at_once_and_again_gives_the_first_answer(database: Database, store: Store) -> None:
    filed = await asyncio.gather(*(put(database, store, filing("the-same-key")) for _ in range(8)))
    again = await put(database, store, filing("the-same-key"))
    assert {document.id for document in [*filed, again]} == {filed[0].id}
    assert (await put(database, store, filing("another-key"))).number == 2


async def test_a_key_used_for_another_document_is_refused(database: Database, store: Store) -> None:
    await put(database, store, filing("the-same-key"))
    with pytest.raises(Conflict):
        await put(database, store, filing("the-same-key", type_code="GM"))


async def test_a_full_disk_burns_no_number(database: Database, store: Store, tmp_path: Path) -> None:
    class Full(Store):
        def put_bytes(self, content: bytes) -> str:
            raise NoSpace("Máy chủ đã hết chỗ lưu.")

    await put(database, store, filing("key-before"))
    with pytest.raises(NoSpace):
        await put(database, Full(tmp_path / "full"), filing("key-full"))
    assert (await put(database, store, filing("key-after"))).number == 2


async def test_a_renderer_that_fails_burns_no_number_and_leaves_no_line(database: Database, store: Store) -> None:
    def broken(numbered: Numbered) -> bytes:
        raise RuntimeError("the form is broken")

    with pytest.raises(RuntimeError):
        await put(database, store, filing("key-broken", render=broken))
    async with database.read() as session:
        assert (await find(session, Wanted())).total == 0
    assert (await put(database, store, filing("key-after"))).number == 1


async def test_a_caller_that_goes_away_leaves_all_or_nothing(database: Database, store: Store) -> None:
    tasks = [asyncio.create_task(put(database, store, filing(f"key-{n:08}"))) for n in range(12)]
    await asyncio.sleep(0.01)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert any(isinstance(one, Document) for one in done), done
    await put(database, store, filing("key-the-last"))
    async with database.read() as session:
        assert await verify_documents(session, store) == []


async def test_each_type_series_and_the_common_one_count_for_themselves(database: Database, store: Store) -> None:
    symbols = [
        (await put(database, store, filing(f"key-{n:08}", type_code=code))).symbol
        for n, code in enumerate(["BB", "GM", "TB", "BB", "CV"])
    ]
    assert symbols == ["01/BB-VPUBND", "01/GM-VPUBND", "02/TB-VPUBND", "02/BB-VPUBND", "01/VPUBND-TH"]


async def test_numbers_begin_again_at_midnight_in_hanoi(database: Database, store: Store) -> None:
    last = await put(database, store, filing("key-2026"), datetime(2026, 12, 31, 16, 59, tzinfo=UTC))
    first = await put(database, store, filing("key-2027"), datetime(2026, 12, 31, 17, 0, tzinfo=UTC))
    assert [(d.year, d.number) for d in (last, first)] == [(2026, 1), (2027, 1)]


async def test_a_clock_set_back_over_new_year_gives_no_numbers_of_the_closed_year(
    database: Database, store: Store
) -> None:
    await put(database, store, filing("key-2027"), datetime(2027, 1, 2, tzinfo=UTC))
    with pytest.raises(Conflict):
        await put(database, store, filing("key-2026"), NOON)


async def test_a_clock_set_back_within_the_year_gives_no_number_of_an_earlier_day(
    database: Database, store: Store
) -> None:
    first = await put(database, store, filing("key-first"), NOON)
    with pytest.raises(Conflict, match="đã có văn bản ngày 23/04/2026 mà đồng hồ máy chủ chỉ ngày 20/04/2026"):
        await put(database, store, filing("key-back"), NOON - timedelta(days=3))
    assert (await put(database, store, filing("key-first"), NOON - timedelta(days=3))).id == first.id
    assert (await put(database, store, filing("key-other", type_code="GM"), NOON - timedelta(days=3))).number == 1
    assert (await put(database, store, filing("key-same-day"), NOON)).number == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "  "}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"key": "short"}, "key"),
        ({"key": "k" * 101}, "key"),
    ],
)
async def test_what_cannot_be_filed_is_refused_and_nothing_is_stored(
    database: Database, store: Store, changes: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await put(database, store, filing(**changes))
    assert refusal.value.field == field
    async with database.read() as session:
        assert (await find(session, Wanted())).total == 0


async def test_the_line_and_the_log_hold_both_hashes(database: Database, store: Store) -> None:
    document = await put(database, store, filing(meeting_id="m" * 16, manifest_sha256="f" * 64))
    async with database.read() as session:
        [event] = await events.read_after(session, "meeting:" + "m" * 16, 0)
    assert (event.kind, event.subject_id, event.actor_id) == ("document.filed", document.id, "a" * 16)
    assert event.payload["pdf_sha256"] == document.pdf_sha256
    assert event.payload["manifest_sha256"] == document.manifest_sha256 == "f" * 64


async def test_verify_names_a_changed_file_a_lost_file_a_missing_number_and_a_changed_line(
    database: Database, store: Store
) -> None:
    filed = [await put(database, store, filing(f"key-{n:08}")) for n in range(5)]
    changed = store.path_of(filed[0].pdf_sha256)
    changed.chmod(0o600)
    changed.write_bytes(b"?" + changed.read_bytes()[1:])
    store.path_of(filed[1].pdf_sha256).unlink()
    async with database.transaction() as session:
        await session.execute(update(Document).where(Document.id == filed[2].id).values(title="Việc khác"))
        await session.execute(update(Document).where(Document.id == filed[3].id).values(number=9))
    async with database.read() as session:
        sentences = [str(fault) for fault in await verify_documents(session, store)]
    for expected in (
        f"Tệp của văn bản 01/BB-VPUBND đã bị thay đổi: {changed.name}",
        f"Mất tệp của văn bản 02/BB-VPUBND: {store.path_of(filed[1].pdf_sha256).name}",
        "Dòng của văn bản 03/BB-VPUBND trong sổ khác với lúc lưu.",
        "Sổ “Biên bản” năm 2026 thiếu số: 04, 06, 07, 08",
    ):
        assert expected in sentences


async def test_verify_misses_the_last_document_though_its_number_leaves_no_gap(
    database: Database, store: Store
) -> None:
    filed = [await put(database, store, filing(f"key-{n:08}")) for n in range(2)]
    async with database.transaction() as session:
        await session.execute(delete(Document).where(Document.id == filed[1].id))
        await session.execute(update(SeriesCounter).values(last_no=1))
    async with database.read() as session:
        assert [str(fault) for fault in await verify_documents(session, store)] == [
            "Sổ không còn văn bản đã lưu ở nhật ký house, sự kiện 2."
        ]


@pytest.mark.parametrize(
    "changes",
    [
        {"issued_on": date(2026, 4, 22)},
        {"signer": "Người khác"},
        {"recipients": "Nơi khác"},
        {"keeper": "Người khác"},
        {"copies": 2},
        {"filed_by": "b" * 16},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_verify_names_a_line_changed_in_any_column_that_was_filed(
    database: Database, store: Store, changes: dict[str, object]
) -> None:
    await put(database, store, filing())
    async with database.transaction() as session:
        await session.execute(update(Document).values(**changes))
    async with database.read() as session:
        assert [str(fault) for fault in await verify_documents(session, store)] == [
            "Dòng của văn bản 01/BB-VPUBND trong sổ khác với lúc lưu."
        ]


async def test_a_line_whose_event_was_emptied_is_named_unless_the_log_tells_of_it(
    database: Database, store: Store
) -> None:
    await put(database, store, filing())
    async with database.transaction() as session:
        await session.execute(update(events.EventPayload).values(body=None))
    async with database.read() as session:
        assert [str(fault) for fault in await verify_documents(session, store)] == [
            "Không đối chiếu được dòng của văn bản 01/BB-VPUBND: nhật ký thiếu nội dung."
        ]
    async with database.transaction() as session:
        await events.erase_payload(session, "house", 1, at=NOON, actor_id="a" * 16, reason="dữ liệu cá nhân")
    async with database.read() as session:
        assert await verify_documents(session, store) == []


async def test_shipped_rows_are_loaded_once_and_edited_rows_stay(database: Database) -> None:
    async with database.transaction() as session:
        await reference.load(session, "VPUBND")
        await session.execute(update(Series).where(Series.code == "BB").values(number_format="{no:03}/{type}-{org}"))
        await session.execute(update(DocumentType).where(DocumentType.code == "BB").values(name="Biên bản họp"))
    async with database.transaction() as session:
        await reference.load(session, "VPUBND")
        await reference.load(session, "SNN")
    async with database.read() as session:
        formats = list(
            await session.scalars(select(Series.number_format).where(Series.code == "BB").order_by(Series.id))
        )
        assert sorted(formats) == ["{no:02}/{type}-{org}", "{no:03}/{type}-{org}"]
        assert await session.scalar(select(DocumentType.name).where(DocumentType.code == "BB")) == "Biên bản họp"
        assert len(list(await session.scalars(select(DocumentType)))) == 29
        assert len(list(await session.scalars(select(RegisterColumn)))) == 10


async def test_words_are_found_without_diacritics_as_a_phrase_first(database: Database, store: Store) -> None:
    for n, title in enumerate(["Vận hành liên hồ chứa", "Chứa chan tình hồ hởi", "Đầu tư công", "Họp giao ban"]):
        await put(database, store, filing(f"key-{n:08}", title))
    async with database.read() as session:
        phrase = await find(session, Wanted(query=Query.read("ho chua")))
        scattered = await find(session, Wanted(query=Query.read("chan ho")))
        crossed = await find(session, Wanted(query=Query.read("dau tu")))
        number = await find(session, Wanted(query=Query.read("3/BB")))
        wildcard = await find(session, Wanted(query=Query.read("%")))
    assert [d.title for d in phrase.documents] == ["Vận hành liên hồ chứa"]
    assert phrase.in_order
    assert [d.title for d in scattered.documents] == ["Chứa chan tình hồ hởi"]
    assert not scattered.in_order
    assert [d.title for d in crossed.documents] == ["Đầu tư công"]
    assert [d.number for d in number.documents] == [3]
    assert wildcard.total == 4


async def test_the_register_is_cut_into_pages_newest_first_and_bound_oldest_first(
    database: Database, store: Store
) -> None:
    for n in range(53):
        await put(database, store, filing(f"key-{n:08}"), NOON.replace(minute=n))
    async with database.read() as session:
        first, second, beyond = [await find(session, Wanted(year=2026), page) for page in (1, 2, 99)]
        [tally] = await tallies(session, 2026)
        nothing = await find(session, Wanted(year=2025))
    bound = [document async for document in book(database, Wanted(year=2026))]
    assert [d.number for d in first.documents] == list(range(53, 3, -1))
    assert [d.number for d in second.documents] == [3, 2, 1]
    assert beyond.page == 2
    assert (second.first, second.last, second.total) == (51, 53, 53)
    assert [d.number for d in bound] == list(range(1, 54))
    assert (tally.count, tally.last_no, tally.whole) == (53, 53, True)
    assert (nothing.total, nothing.first, nothing.pages) == (0, 0, 1)


async def test_a_book_longer_than_a_chunk_is_whole_and_in_order(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "CHUNK", 4)
    for n in range(11):
        await put(database, store, filing(f"key-{n:08}", f"Hồ chứa {n}"), NOON.replace(minute=n // 3))
    assert [d.number async for d in book(database, Wanted())] == list(range(1, 12))
    assert [d.number async for d in book(database, Wanted(), limit=6)] == list(range(1, 7))
    assert [d.number async for d in book(database, Wanted(query=Query.read("chua ho")))] == list(range(1, 12))


async def test_the_sweep_removes_old_files_without_a_row_and_no_others(database: Database, store: Store) -> None:
    kept = await put(database, store, filing())
    orphan, fresh = store.put_bytes(b"left by a crash"), store.put_bytes(b"just being filed")
    for sha256 in (kept.pdf_sha256, orphan):
        os.utime(store.path_of(sha256), (1, 1))
    assert await sweep(database, store) == [orphan]
    assert await sweep(database, store) == []
    assert store.all_hashes() == sorted([kept.pdf_sha256, fresh])


async def test_counters_are_rows_of_their_year(database: Database, store: Store) -> None:
    await put(database, store, filing("key-2026"))
    async with database.read() as session:
        counters = list(await session.scalars(select(SeriesCounter)))
    assert [(counter.year, counter.last_no) for counter in counters] == [(2026, 1)]
