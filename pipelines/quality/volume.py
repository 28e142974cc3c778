"""Computes the expected number of rows of a table from its row counts in earlier runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median

from pipelines.quality.check import Range

# With fewer runs nothing is known about the usual growth.
SHORTEST_HISTORY = 3
# Number of newest runs that are used; older ones may come from a business of another size.
LONGEST_HISTORY = 30
MAX_CHANGE_PERCENT = 30.0
# Deviations from the median that are still usual (Leys et al. 2013 call 3 very conservative), and the factor that
# turns a median absolute deviation into the standard deviation of a normal distribution.
DEVIATIONS = 3.0
TO_STANDARD_DEVIATION = 1.4826


def expected_rows(history: Sequence[int], volume: Mapping[str, float]) -> tuple[Range, str]:
    """Return the range in which a table's number of rows should lie, and the reason for this range as text.

    expected = last count + median growth
    tolerance = max(3 robust standard deviations of the growth, maxChangePercent of expected)

    The range is expected ± tolerance, cut at the contract's `minimum` (default 1) and `maximum`. With fewer than three
    earlier counts the range is minimum to maximum.

    Args:
        history: row counts of earlier runs, oldest first.
        volume: the contract's `volume` with the optional keys minimum, maximum and maxChangePercent (default 30).

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
