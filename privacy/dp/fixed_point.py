"""Represents a measure in whole steps around the middle of its bounds, so that sums and sensitivities are exact."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from privacy.dp.question import Measure

# Squares are counted in coarser steps, so that they fit into 31 bits as well.
_SQUARE_STEPS = 2**20


class FixedPoint:
    """Converts between a measure and whole steps.

    A value v in [lower, upper] becomes the whole number round((v − centre)/resolution) in [−half, half];
    its square u becomes ⌊u/square_step⌋ − square_half in [−square_half, square_half].
    """

    def __init__(self, measure: Measure) -> None:
        self.lower, self.upper = float(measure.lower), float(measure.upper)
        self.resolution = float(measure.resolution)
        self.centre = (self.lower + self.upper) / 2
        self.half = math.ceil((self.upper - self.lower) / 2 / self.resolution)
        self.square_step = max(1, -(-(self.half**2) // _SQUARE_STEPS))
        self.square_half = -(-(self.half**2) // self.square_step // 2) + 1

    def value(self, steps: float, count: float) -> float:
        """Return the sum of the values, from the sum of their steps over `count` rows."""
        return steps * self.resolution + self.centre * count

    def squares(self, steps: float, count: float) -> float:
        """Return the sum of squared distances from the centre, from the sum of square steps over `count` rows."""
        return (steps + (self.square_half + 0.5) * count) * self.square_step * self.resolution**2
