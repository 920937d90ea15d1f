"""A form that is refused leaves one line in the log, without what was typed."""

import pytest
from structlog.testing import capture_logs

from meetings.access import Role
from tests.conftest import LogIn

SECRET = "không-nên-thấy-trong-nhật-ký"


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/login", {"login": SECRET, "password": SECRET}),
        ("/venues", {"name": "", "location": SECRET}),
        ("/units", {"name": SECRET, "level": "x"}),
        ("/people", {"full_name": SECRET, "email": "x"}),
        ("/accounts", {"login": SECRET, "password": SECRET}),
        ("/account/password", {"old": SECRET, "password": SECRET}),
    ],
)
async def test_a_refused_form_is_one_line_without_what_was_typed(
    log_in: LogIn, path: str, data: dict[str, str]
) -> None:
    browser = await log_in(Role.ADMIN)
    await browser.token()
    with capture_logs() as lines:
        assert (await browser.post(path, data=data)).status_code == 422
    assert [(line["event"], line["path"], line["status"]) for line in lines] == [("form.refused", path, 422)]
    assert SECRET not in repr(lines)


async def test_a_refused_page_is_one_line(log_in: LogIn) -> None:
    browser = await log_in(Role.CLERK)
    with capture_logs() as lines:
        assert (await browser.get("/accounts")).status_code == 403
    assert [(line["event"], line["status"]) for line in lines] == [("request.refused", 403)]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/accounts", ("login", "display_name", "password", "roles")),
        ("/units", ("name", "level", "since")),
        ("/people", ("full_name", "sort_rank")),
        ("/venues", ("name", "unit_id")),
    ],
)
async def test_all_that_is_wrong_is_told_at_once_with_a_way_to_each_field(
    log_in: LogIn, path: str, fields: tuple[str, ...]
) -> None:
    page = (await (await log_in(Role.ADMIN)).post(path)).text
    for field in fields:
        assert f'<a href="#{field}">' in page
        tag = page.partition(f'id="{field}"')[2].partition(">")[0]
        assert 'aria-invalid="true"' in tag
        assert f"{field}-why" in tag.partition("aria-describedby=")[2]
        assert f'id="{field}-why"' in page
