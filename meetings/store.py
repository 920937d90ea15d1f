"""Owns files that are kept for good: named by their SHA-256, written once, never changed."""

import hashlib
import os
import secrets
import shutil
from pathlib import Path

from meetings.errors import NoSpace

_CHUNK = 1024 * 1024


class Store:
    """`files_dir/ab/cdef…`. All calls block on the disk: call them in a thread from async code."""

    def __init__(self, files_dir: Path) -> None:
        self._root = files_dir

    def put_bytes(self, content: bytes) -> str:
        draft = self._draft()
        try:
            draft.write_bytes(content)
            return self._settle(draft, hashlib.sha256(content).hexdigest())
        except OSError as error:
            raise _refusal(error) from error
        finally:
            draft.unlink(missing_ok=True)

    def put_file(self, path: Path) -> str:
        """Copies a file in. The hash is of the bytes that were copied, not of those that stand there later."""
        draft, digest = self._draft(), hashlib.sha256()
        try:
            with path.open("rb") as source, draft.open("wb") as target:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
            return self._settle(draft, digest.hexdigest())
        except OSError as error:
            raise _refusal(error) from error
        finally:
            draft.unlink(missing_ok=True)

    def path_of(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise ValueError("not a SHA-256 in hexadecimal")
        return self._root / sha256[:2] / sha256[2:]

    def verify(self, sha256: str) -> bool:
        """Whether the file is there and every byte is as it was."""
        try:
            with self.path_of(sha256).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == sha256
        except FileNotFoundError:
            return False

    def all_hashes(self) -> list[str]:
        return sorted(path.parent.name + path.name for path in self._root.glob("[0-9a-f][0-9a-f]/*") if path.is_file())

    def free_bytes(self) -> int:
        self._root.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(self._root).free

    def _draft(self) -> Path:
        drafts = self._root / "drafts"
        drafts.mkdir(parents=True, exist_ok=True)
        return drafts / secrets.token_hex(12)

    def _settle(self, draft: Path, sha256: str) -> str:
        target = self.path_of(sha256)
        if target.exists():
            return sha256
        _sync(draft)
        target.parent.mkdir(exist_ok=True)
        draft.rename(target)
        target.chmod(0o440)
        _sync(target.parent)
        _sync(self._root)
        return sha256


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(error: OSError) -> Exception:
    if error.errno in (28, 122):  # ENOSPC, EDQUOT
        return NoSpace("Máy chủ đã hết chỗ lưu. Đề nghị báo bộ phận kỹ thuật; tệp chưa được lưu.")
    return error
