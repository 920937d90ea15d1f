"""The cells of the table: how much is lost, how unsteady the delay is, how much passes. Alike in both directions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """`loss` 0..1; `jitter` seconds, the mean of what is added to the delay; `rate` bit/s, 0: any."""

    name: str
    loss: float = 0.0
    jitter: float = 0.0
    rate: float = 0.0
    delay: float = 0.02

    def __str__(self) -> str:
        rate = (
            "∞"
            if not self.rate
            else f"{self.rate / 1e6:g} Mbit/s"
            if self.rate >= 1e6
            else f"{self.rate / 1e3:g} kbit/s"
        )
        return f"{self.loss:.0%} / {self.jitter * 1000:.0f} ms / {rate}"


CELLS = (
    Cell("good"),
    Cell("wireless", loss=0.01, jitter=0.02),
    Cell("lossy", loss=0.05, jitter=0.02),
    Cell("tenth", loss=0.10, jitter=0.05),
    Cell("fifth", loss=0.20, jitter=0.05),
    Cell("unsteady", jitter=0.2),
    Cell("tenth-unsteady", loss=0.10, jitter=0.2),
    Cell("megabit", rate=1e6),
    Cell("commune", loss=0.05, jitter=0.05, rate=1e6),
    Cell("half", rate=5e5),
    Cell("thin", loss=0.02, jitter=0.05, rate=3e5),
    Cell("worst", loss=0.20, jitter=0.2, rate=3e5),
)
BY_NAME = {cell.name: cell for cell in CELLS}
