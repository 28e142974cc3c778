"""The one line in which a measurement is told."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median


@dataclass(frozen=True)
class Claim:
    """A measured figure beside what a user would pick instead.

    Attributes:
        claim: what is claimed, in a few words.
        ours: median of our figure.
        unit: unit of `ours` and `other` ("s", "GiB", "NCP", …).
        other: median of the peer's figure in the same run; None where there is no peer.
        peer: who the peer is.
        bar: the most that `measure` may be; None where nothing was promised.
        runs: how many runs the medians are over.
        spread: smallest and largest of our figure.
        on_ratio: the bar is on ours/other rather than on ours.
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
        """Ours divided by the peer's; below 1 we use less."""
        return None if not self.other else self.ours / self.other

    @property
    def holds(self) -> bool | None:
        """Whether the bar is kept; None without one. A ratio that could not be formed keeps no bar."""
        if self.bar is None:
            return None
        measure = self.ratio if self.on_ratio else self.ours
        return measure is not None and measure <= self.bar

    def tell(self) -> None:
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
    """A claim from the figures of several runs: medians, and the spread of ours."""
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
