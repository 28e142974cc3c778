"""Reports whether two records are one person: the explanation of the pair, and the other records that decide it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.matching.explanation import Explanation
from pipelines.matching.link_path import Link, find_link_path, find_separating_pairs
from pipelines.matching.scoring import ScoredPairs

Describe = Callable[[int], tuple[str, Mapping[str, str | None]]]
"""Returns the name of a record, and its values by column as far as they may be shown."""


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """A record on the way between two others.

    Attributes:
        name: record id, row number, or kind and token.
        values: its values by column, as far as they may be shown.
        weight: match weight with the next record of the way; None for the last.
    """

    name: str
    values: Mapping[str, str | None]
    weight: float | None


@dataclass(frozen=True, slots=True)
class PairReport:
    """Why two records are one person or two.

    Attributes:
        explanation: the match weight of the pair itself.
        is_together: whether both are one person.
        link_path: the records that link the two, with both at the ends; empty if none do.
        separating_pairs: names and match weight of the pairs that speak most against one person, the strongest first;
            empty if the pair itself does.
        reason: what else decides it, such as a steward's decision; None if the weights do.
    """

    explanation: Explanation
    is_together: bool
    link_path: tuple[NamedRecord, ...] = ()
    separating_pairs: tuple[tuple[str, str, float], ...] = ()
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as values that can be written as JSON."""
        path = [{"record": r.name, "weight_to_next": r.weight, "values": dict(r.values)} for r in self.link_path]
        apart = [{"records": [first, second], "weight": weight} for first, second, weight in self.separating_pairs]
        decided = {"same_customer": self.is_together, "reason": self.reason}
        return {**self.explanation.as_dict(), **decided, "link_path": path, "separating_pairs": apart}


def report_pair(
    explanation: Explanation,
    group: NDArray[np.int64],
    pairs: ScoredPairs,
    ends: tuple[int, int],
    describe: Describe,
    reason: str | None = None,
) -> PairReport:
    """Return the report of two records.

    Args:
        explanation: the explanation of the two.
        group: number of the person of each record.
        pairs: the scored pairs of records.
        ends: the two records.
        describe: names the records that are shown.
        reason: what else decides it, see `PairReport`.
    """
    is_together, is_match = bool(group[ends[0]] == group[ends[1]]), explains_match(explanation)
    if is_together:
        path = () if is_match else find_link_path(group, pairs, *ends)
        return PairReport(explanation, True, _named(path, describe), reason=reason)
    apart = find_separating_pairs(group, pairs, *ends) if is_match else ()
    named = tuple((describe(p.first)[0], describe(p.second)[0], round(p.weight, 3)) for p in apart)
    return PairReport(explanation, False, separating_pairs=named, reason=reason)


def explains_match(explanation: Explanation) -> bool:
    """Return whether the pair by itself is one person rather than two."""
    return explanation.rule is not None or explanation.weight > 0


def _named(path: tuple[Link, ...], describe: Describe) -> tuple[NamedRecord, ...]:
    if not path:
        return ()
    found = [NamedRecord(*describe(link.first), round(link.weight, 3)) for link in path]
    return (*found, NamedRecord(*describe(path[-1].second), None))
