"""Computes sensitivities: the largest change of a bounded aggregate that one customer can cause.

Neighbouring relation: D ~ D' when D' is D with all rows of one customer added or removed. After bounding,
at most R rows of a customer count in total, in at most L0 groups, and at most L∞ in each group.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from privacy.dp.errors import BadQuestion

# Keeps a customer's sums, multiplied by a bound, far below 2⁶³.
MOST_ROWS = 10_000
# Above this, the sum over a table of 2³¹ rows could overflow 64 bits.
MOST_UNITS = 2**31


@dataclass(frozen=True)
class ContributionBounds:
    """At most `rows` (R) and `groups` (L0) per customer, and `rows_per_group` (L∞) per customer and group."""

    rows: int
    groups: int
    rows_per_group: int

    def __post_init__(self) -> None:
        for name, value in (
            ("rows", self.rows),
            ("groups", self.groups),
            ("rows_per_group", self.rows_per_group),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MOST_ROWS:
                raise BadQuestion(f"bound {name} is {value}; expected 1 to {MOST_ROWS}")

    @property
    def l1(self) -> int:
        """The most rows of one customer that can count: min(R, L0·L∞).

        >>> ContributionBounds(rows=10, groups=10, rows_per_group=1).l1
        10
        """
        return min(self.rows, self.groups * self.rows_per_group)

    @property
    def squared_l2(self) -> int:
        """The largest Σ n_g² over at most L0 groups with n_g ≤ L∞ and Σ n_g ≤ R: ⌊T/L∞⌋·L∞² + (T mod L∞)², T = l1.

        >>> ContributionBounds(rows=10, groups=10, rows_per_group=2).squared_l2
        20
        >>> ContributionBounds(rows=10, groups=10, rows_per_group=3).squared_l2
        28
        """
        full, rest = divmod(self.l1, self.rows_per_group)
        return full * self.rows_per_group**2 + rest**2

    @property
    def l2(self) -> float:
        """The ℓ₂ sensitivity of counts: √squared_l2, rounded up."""
        return root_up(self.squared_l2)

    def coarser(self) -> ContributionBounds:
        """Return the bounds of sums over groups: all rows of a customer that count may be in one such sum."""
        return ContributionBounds(rows=self.l1, groups=1, rows_per_group=self.l1)


def root_up(square: int) -> float:
    """Return √square as a float, rounded up.

    >>> root_up(9)
    3.0
    """
    whole = math.isqrt(square)
    return float(whole) if whole * whole == square else math.nextafter(math.sqrt(square), math.inf)
