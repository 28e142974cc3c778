"""Holds one result of a benchmark and prints it as one JSON line."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True)
class Claim:
    """A measured figure of Bojagi, and the figure of another tool (the peer) in the same run.

    Attributes:
        claim: name of the measured quantity.
        ours: median of our figure.
        unit: unit of `ours` and `other` ("s", "GiB", "NCP", …).
        other: median of the peer's figure in the same run; None where there is no peer.
        peer: name of the peer; empty where there is none.
        bar: the largest allowed value; None where there is no limit.
        runs: number of runs from which the medians are computed.
        spread: smallest and largest value of our figure; None for a single run.
        on_ratio: whether the bar limits `ratio` (ours / other); otherwise it limits `ours`.
    """

    claim: str
    ours: float
    unit: str
    other: float | None = None
    peer: str = ""
    bar: float | None = None
    runs: int = 1
    spread: tuple[float, float] | None = None
    on_ratio: bool = False

    @property
    def ratio(self) -> float | None:
        """Our figure divided by the peer's, below 1 if ours is smaller; None without a peer's figure."""
        return None if not self.other else self.ours / self.other

    @property
    def holds(self) -> bool | None:
        """Whether the figure is within the bar; None without a bar. False if the bar is on a ratio that is None."""
        if self.bar is None:
            return None
        measure = self.ratio if self.on_ratio else self.ours
        return measure is not None and measure <= self.bar

    def print_json(self) -> None:
        """Print the claim as one JSON line."""
        print(json.dumps(asdict(self) | {"ratio": self.ratio, "holds": self.holds}), flush=True)


def of_runs(
    claim: str,
    ours: list[float],
    unit: str,
    *,
    others: list[float] | None = None,
    peer: str = "",
    bar: float | None = None,
    on_ratio: bool = False,
) -> Claim:
    """Return a claim from the figures of several runs: the medians, and the spread of our figures."""
    return Claim(
        claim=claim,
        ours=median(ours),
        unit=unit,
        other=median(others) if others else None,
        peer=peer,
        bar=bar,
        runs=len(ours),
        spread=(min(ours), max(ours)),
        on_ratio=on_ratio,
    )
