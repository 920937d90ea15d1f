"""Reads the bits of codec headers, most significant first. Pure."""

from __future__ import annotations


class OutOfBits(Exception):
    """The header ends before what it announces."""


class Bits:
    """A position in a few bytes. Raises OutOfBits."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        """The next `count` bits as a number."""
        if count > self._left:
            raise OutOfBits
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    def unsigned(self) -> int:
        """ue(v) of H.264 (clause 9.1): as many zeros as digits follow the one."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise OutOfBits
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """se(v) of H.264."""
        value = self.unsigned()
        return (value + 1) // 2 if value % 2 else -(value // 2)
