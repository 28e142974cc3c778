"""How many rows a table should have, judged by its history."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from pipelines.quality.check import Range

# Fewer runs say nothing about what is usual.
SHORTEST_HISTORY = 3
# Newest runs that count as "usual"; older ones belong to another size of business.
LONGEST_HISTORY = 30
MAX_CHANGE_PERCENT = 30.0
# Median absolute deviations that are still usual (Leys et al. 2013 call 3 very conservative), and the factor
# that makes the deviation comparable to a standard deviation of a normal distribution.
DEVIATIONS = 3.0
TO_STANDARD_DEVIATION = 1.4826


def expected_rows(history: Sequence[int], volume: Mapping[str, float]) -> tuple[Range, str]:
    """Return the rows that a table should have now, and why.

    The last count plus the median growth is expected; three robust standard deviations of the growth, and at
    least `maxChangePercent` of the expectation, lie around it. With less than three earlier counts only the
    contract's `minimum` (default 1) and `maximum` hold.

    Args:
        history: row counts of earlier runs, oldest first.
        volume: the contract's `volume`: minimum, maximum, maxChangePercent.

    >>> within, reason = expected_rows((100, 110, 121), {})
    >>> within.minimum, within.maximum, reason
    (92, 171, '3 earlier runs')

    """
    floor = volume.get("minimum", 1)
    ceiling = volume.get("maximum")
    recent = list(history[-LONGEST_HISTORY:])
    if len(recent) < SHORTEST_HISTORY:
        return Range(minimum=floor, maximum=ceiling), "no history yet"
    growth = [later - earlier for earlier, later in pairwise(recent)]
    usual = median(growth)
    spread = median(abs(step - usual) for step in growth) * TO_STANDARD_DEVIATION * DEVIATIONS
    expected = recent[-1] + usual
    tolerance = max(spread, expected * volume.get("maxChangePercent", MAX_CHANGE_PERCENT) / 100)
    low = max(floor, math.floor(expected - tolerance))
    high = math.ceil(expected + tolerance)
    return Range(minimum=low, maximum=high if ceiling is None else min(ceiling, high)), f"{len(recent)} earlier runs"
