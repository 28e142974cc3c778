"""The report of synthetic data as plain values, and as JSON. `page` renders it as HTML.

It is computed from real rows and is not differentially private: it is for the people who decide on a release, and is
not published with the rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from privacy.synthetic.attack.canary import Canaries
from privacy.synthetic.attack.copied import Copies
from privacy.synthetic.attack.identifier import Leak
from privacy.synthetic.attack.membership import Membership
from privacy.synthetic.attack.risk import Risk
from privacy.synthetic.synthesizer import Guarantee
from privacy.synthetic.verdict import Gate

HOLDOUT, INDEPENDENT, TRAIN = "real hold-out", "independent columns", "training rows themselves"
"""The references: real people who were not learned from, columns without relations, and an outright copy."""


@dataclass(frozen=True)
class Score:
    """One score of the synthetic rows between its references; `missing` says why a score was not computed.

    `is_best_high`: whether more is better. `title` and `meaning` are for readers who are no statisticians.
    """

    name: str
    title: str
    meaning: str
    is_best_high: bool
    synthetic: float | None = None
    holdout: float | None = None
    independent: float | None = None
    missing: str = ""

    @classmethod
    def of(cls, name: str, title: str, meaning: str, is_best_high: bool, values: Sequence[float]) -> Score:
        """Return the score of three tables: synthetic, hold-out and independent columns."""
        synthetic, holdout, independent = values
        return cls(name, title, meaning, is_best_high, synthetic, holdout, independent)

    @property
    def position(self) -> float | None:
        """Where the synthetic rows stand: 0 as independent columns, 1 as real hold-out.

        None where hold-out is not better than independent columns, as for shares of single columns.
        """
        if self.synthetic is None or self.holdout is None or self.independent is None:
            return None
        distance = self.holdout - self.independent
        is_better = distance > 1e-9 if self.is_best_high else distance < -1e-9
        return (self.synthetic - self.independent) / distance if is_better else None


@dataclass(frozen=True)
class Attack:
    """One attack on the synthetic rows, and the same attack on each reference."""

    name: str
    title: str
    meaning: str
    synthetic: Risk
    references: Mapping[str, Risk]


@dataclass(frozen=True)
class Disclosure:
    """What attackers find out. `missing` says by attack why it was not made."""

    attacks: Sequence[Attack]
    copies: Copies
    copies_of_samples: Copies | None
    leaks: Sequence[Leak]
    distance: Membership
    shadow: Membership | None
    canaries: Canaries | None
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All measurements of synthetic rows. rows: number of rows, or people, of each table. gate: the verdict, if any."""

    title: str
    rows: Mapping[str, int]
    scores: Sequence[Score]
    disclosure: Disclosure
    columns: Mapping[str, float]
    """For each column 1 − the total variation distance of its values; 1 is equal."""
    guarantee: Guarantee | None = None
    gate: Gate | None = None

    def with_gate(self, gate: Gate) -> Report:
        """Return the report with the verdict of the gate."""
        return replace(self, gate=gate)

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values; what is not finite is null."""
        content: dict[str, Any] = _plain(asdict(self))
        content["scores"] = [{**one, "position": _plain(score.position)}
                             for one, score in zip(content["scores"], self.scores, strict=True)]  # fmt: skip
        if self.gate is not None:
            content["gate"]["is_open"] = self.gate.is_open
        return {"is_private": False, **content}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(float(value), 9) if math.isfinite(value) else None
    return value
