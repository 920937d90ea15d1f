"""The doctor names what is wrong, says how to mend it, and never falls over itself."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meetings import doctor, migrations, tls
from meetings.access import Role
from meetings.config import Settings
from meetings.ports import Port, ports, taken
from tests.conftest import LogIn
from tests.coturn import SECRET, coturn
from tests.fakes import Browser, ManualClock


async def levels(settings: Settings, clock: ManualClock) -> dict[str, str]:
    findings = await doctor.examine(settings, clock)
    assert all(finding.remedy for finding in findings if finding.level != "ok")
    return {finding.subject: finding.level for finding in findings}


async def test_without_smtp_it_is_red(settings: Settings, clock: ManualClock) -> None:
    findings = await doctor.examine(settings, clock)
    (mail,) = [finding for finding in findings if finding.subject == "SMTP"]
    assert mail.level == "fail"
    assert "MEETINGS_SMTP_HOST" in mail.remedy
    assert doctor.worst(findings) == "fail"


@contextmanager
def greeting_server() -> Iterator[int]:
    """A socket that greets like a mail server: enough for a doctor who only knocks."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"220 mail.example.invalid\r\n")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


async def test_a_mail_server_that_greets_is_fine(settings: Settings, clock: ManualClock) -> None:
    with greeting_server() as port:
        configured = settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port})
        assert (await levels(configured, clock))["SMTP"] == "ok"


async def test_a_database_that_was_never_made_is_no_fault_but_an_unreachable_one_is(
    settings: Settings, clock: ManualClock
) -> None:
    assert (await levels(settings, clock))["Cơ sở dữ liệu"] == "warn"
    await migrations.upgrade(settings)
    assert (await levels(settings, clock))["Cơ sở dữ liệu"] == "ok"
    away = settings.model_copy(update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    assert (await levels(away, clock))["Cơ sở dữ liệu"] == "fail"


@pytest.mark.parametrize(("days", "level"), [(0, "ok"), (340, "warn"), (366, "fail")])
async def test_an_ending_certificate_is_told_in_time(
    settings: Settings, clock: ManualClock, days: int, level: str
) -> None:
    tls.prepare(settings, clock.now())
    clock.advance(days * 86_400)
    assert (await levels(settings, clock))["Chứng thư"] == level


async def test_too_little_disk_is_told(settings: Settings, clock: ManualClock) -> None:
    greedy = settings.model_copy(update={"recording_min_free_bytes": 10**18})
    assert (await levels(greedy, clock))["Thư mục dữ liệu"] == "fail"


async def test_looking_at_a_folder_that_is_not_there_makes_nothing(tmp_path: Path, clock: ManualClock) -> None:
    looked = Settings(data_dir=tmp_path / "new" / "data", only_looking=True)
    found = await levels(looked, clock)
    assert (found["Thư mục dữ liệu"], found["Cơ sở dữ liệu"]) == ("warn", "warn")
    assert list(tmp_path.iterdir()) == []


async def test_a_data_folder_that_others_can_open_is_told(settings: Settings, clock: ManualClock) -> None:
    settings.data_dir.chmod(0o750)
    assert (await levels(settings, clock))["Quyền của thư mục dữ liệu"] == "warn"
    settings.data_dir.chmod(0o700)
    assert (await levels(settings, clock))["Quyền của thư mục dữ liệu"] == "ok"


async def test_health_is_shown_to_the_operator_and_not_to_a_secretary(log_in: LogIn) -> None:
    operator, secretary = await log_in(Role.OPERATOR), await log_in(Role.SECRETARY)
    page = await operator.get("/health")
    assert page.status_code == 200
    assert "MEETINGS_SMTP_HOST" in page.text
    assert (await secretary.get("/health")).status_code == 403


async def test_a_new_machine_finds_the_certificate_without_an_account(
    client: Browser, settings: Settings, clock: ManualClock
) -> None:
    assert (await client.get("/ca.crt")).status_code == 404
    files = tls.prepare(settings, clock.now())
    answer = await client.get("/ca.crt")
    assert answer.headers["content-type"] == "application/x-x509-ca-cert"
    assert files.authority is not None
    assert answer.content == files.authority.read_bytes()
    assert "<svg" in (await client.get("/ca")).text


def test_a_taken_port_is_noticed_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert taken(Port(listener.getsockname()[1], "tcp", "127.0.0.1", "", ""))
        number = listener.getsockname()[1]
    assert not taken(Port(number, "tcp", "127.0.0.1", "", ""))


def test_every_port_has_an_option_to_move_it(settings: Settings) -> None:
    assert len({port.option for port in ports(settings)}) == len(ports(settings)) == 6


async def test_a_turn_server_is_asked_whether_it_works_and_whom_it_lets_in(settings: Settings, tmp_path: Path) -> None:
    clock = ManualClock(datetime.now(UTC))  # the server has a clock of its own
    async with coturn(tmp_path, ["127.0.0.1"]) as closed:
        changes = {"turn_urls": [closed.url, closed.tcp_url], "turn_secret": SECRET, "announce": ["127.0.0.1"]}
        configured = settings.model_copy(update=changes)
        assert await turn_levels(configured, clock) == ["ok", "ok"]
        assert await turn_levels(configured.model_copy(update={"turn_secret": "x" * 20}), clock) == ["fail", "fail"]
    async with coturn(tmp_path, ["0.0.0.0-255.255.255.255"]) as open_to_all:
        configured = settings.model_copy(update={**changes, "turn_urls": [open_to_all.url]})
        assert await turn_levels(configured, clock) == ["warn"]


async def test_turn_settings_that_cannot_work_are_named(settings: Settings, clock: ManualClock) -> None:
    for urls, secret in ((["turn:a"], ""), (["http://a"], SECRET)):
        configured = settings.model_copy(update={"turn_urls": urls, "turn_secret": secret})
        assert await turn_levels(configured, clock) == ["fail"]
    assert await turn_levels(settings, clock) == []


async def turn_levels(settings: Settings, clock: ManualClock) -> list[str]:
    findings = await asyncio.to_thread(lambda: list(doctor.turn(settings, clock.now())))
    return [finding.level for finding in findings]
