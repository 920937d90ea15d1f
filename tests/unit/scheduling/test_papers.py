"""Papers are taken by what they contain; hostile names are cleaned or refused."""

import zipfile
from io import BytesIO

import pytest

from meetings.errors import Invalid
from meetings.scheduling.rules.papers import accept, clean_name

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


def container(*members: str) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for member in members:
            archive.writestr(member, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("Báo cáo.pdf", PDF, "application/pdf"),
        (
            "Bảng.XLSX",
            container("xl/workbook.xml"),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("ảnh.jpeg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("cũ.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/msword"),
    ],
)
def test_papers_are_taken_with_the_type_of_their_content(name: str, content: bytes, media_type: str) -> None:
    taken = accept(name, content)
    assert (taken.filename, taken.media_type) == (name, media_type)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("trống.pdf", b"", "file_empty"),
        ("giả.pdf", b"MZ\x90\x00", "file_not_its_name"),
        ("giả.pdf", b"<html><script>", "file_not_its_name"),
        ("giả.docx", container("xl/workbook.xml"), "file_not_its_name"),
        ("hỏng.docx", b"PK\x03\x04 and nothing more", "file_not_its_name"),
        ("trang.html", b"<html>", "file_kind"),
        ("hình.svg", b"<svg>", "file_kind"),
        ("chạy.exe", b"MZ", "file_kind"),
        ("không đuôi", PDF, "file_kind"),
        ("bao cao\u202efdp.exe", PDF, "hidden_character"),
        ("báo\x00cáo.pdf", PDF, "hidden_character"),
        ("", PDF, "file_name"),
        ("..", PDF, "file_name"),
        ("CON.pdf", PDF, "file_name"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(name: str, content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refusal:
        accept(name, content)
    assert refusal.value.code == code
    assert refusal.value.field == "papers"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\a\\Báo cáo.pdf", "Báo cáo.pdf"),
        ('a"b<c>.pdf', "a b c .pdf"),
        (".hidden.pdf", "hidden.pdf"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_hostile_names_become_harmless_ones(given: str, kept: str) -> None:
    assert clean_name(given) == kept
