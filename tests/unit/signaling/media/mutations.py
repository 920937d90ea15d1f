"""Mutated bytes for parser tests: flipped, cut, repeated, with lengths made to lie; a seed makes them repeatable."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

ROUNDS = 5_000


def mutations(samples: Sequence[bytes], rounds: int = ROUNDS, seed: int = 1) -> Iterator[bytes]:
    """`rounds` damaged versions of the samples."""
    source = random.Random(seed)
    for _ in range(rounds):
        data = bytearray(source.choice(samples))
        for _ in range(source.randrange(1, 5)):
            _damage(data, source)
        yield bytes(data)


def _damage(data: bytearray, source: random.Random) -> None:
    position = source.randrange(len(data) + 1)
    match source.randrange(5):
        case 0 if data:
            data[position % len(data)] ^= 1 << source.randrange(8)
        case 1 if data:
            data[position % len(data)] = source.choice((0, 1, 0x7F, 0x80, 0xFF))
        case 2:
            del data[position:]
        case 3:
            data[position:position] = source.randbytes(source.randrange(1, 9))
        case _:
            data[position:position] = data[: source.randrange(1, 40)]
