"""Which files may be papers of a meeting: by what they contain, not by what they say they are."""

import re
import unicodedata
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath, PureWindowsPath

from meetings.errors import Invalid, text

from . import words

LONGEST_NAME = 150
MOST_PAPERS = 50
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."


@dataclass(frozen=True)
class FileKind:
    extension: str
    media_type: str
    starts: tuple[bytes, ...]
    inside: str = ""  # for zip containers: a member that only this kind has


KINDS = {
    kind.extension: kind
    for kind in (
        FileKind("pdf", "application/pdf", (b"%PDF-",)),
        FileKind("docx", _OPEN_XML + "wordprocessingml.document", (b"PK\x03\x04",), "word/"),
        FileKind("xlsx", _OPEN_XML + "spreadsheetml.sheet", (b"PK\x03\x04",), "xl/"),
        FileKind("pptx", _OPEN_XML + "presentationml.presentation", (b"PK\x03\x04",), "ppt/"),
        FileKind("odt", _OPEN_DOCUMENT + "text", (b"PK\x03\x04",), "content.xml"),
        FileKind("ods", _OPEN_DOCUMENT + "spreadsheet", (b"PK\x03\x04",), "content.xml"),
        FileKind("odp", _OPEN_DOCUMENT + "presentation", (b"PK\x03\x04",), "content.xml"),
        FileKind("doc", "application/msword", (_OLE,)),
        FileKind("xls", "application/vnd.ms-excel", (_OLE,)),
        FileKind("ppt", "application/vnd.ms-powerpoint", (_OLE,)),
        FileKind("png", "image/png", (b"\x89PNG\r\n\x1a\n",)),
        FileKind("jpg", "image/jpeg", (b"\xff\xd8\xff",)),
        FileKind("jpeg", "image/jpeg", (b"\xff\xd8\xff",)),
    )
}
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_UNFIT = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


@dataclass(frozen=True)
class Accepted:
    filename: str
    title: str
    media_type: str


def accept(filename: str, content: bytes) -> Accepted:
    """What to call this file and how to serve it; Invalid when it is not what its name says."""
    name = clean_name(filename)
    kind = KINDS.get(name.rpartition(".")[2].lower())
    if kind is None:
        raise Invalid(
            "Không nhận tệp “{name}”. Tài liệu họp là tệp PDF, Word, Excel, PowerPoint, OpenDocument "
            "hoặc ảnh PNG, JPEG.",
            field="papers",
            code="file_kind",
            name=name,
        )
    if not content:
        raise Invalid("Tệp “{name}” trống. Vui lòng kiểm tra lại tệp.", field="papers", code="file_empty", name=name)
    if not content.startswith(kind.starts) or (kind.inside and not _holds(content, kind.inside)):
        raise Invalid(
            "Nội dung tệp “{name}” không đúng với đuôi tên. Vui lòng mở tệp, lưu lại đúng kiểu rồi tải lên.",
            field="papers",
            code="file_not_its_name",
            name=name,
        )
    return Accepted(name, name.rpartition(".")[0], kind.media_type)


def clean_name(filename: str) -> str:
    """The last part of a path, without what a reader cannot see or a disk cannot keep."""
    name = PurePosixPath(PureWindowsPath(filename).name).name
    if any(words.is_hidden(char) for char in name):
        raise Invalid(
            "{label} có ký tự ẩn hoặc ký tự đảo chiều chữ. Vui lòng xóa đi và gõ lại.",
            field="papers",
            code="hidden_character",
            label=text("Tên tệp"),
        )
    name = " ".join(_UNFIT.sub(" ", unicodedata.normalize("NFC", name)).split()).strip(". ")
    if not name or _DEVICES.fullmatch(name):
        raise Invalid("Tệp chưa có tên dùng được. Vui lòng đặt lại tên tệp.", field="papers", code="file_name")
    stem, dot, extension = name.rpartition(".")
    return f"{stem[: LONGEST_NAME - len(extension) - 1]}{dot}{extension}" if dot else name[:LONGEST_NAME]


def _holds(content: bytes, member: str) -> bool:
    """Looks at the container's list of contents only; nothing is unpacked."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as container:
            return any(name.startswith(member) for name in container.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return False
