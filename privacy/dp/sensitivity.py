"""How much one customer can change a bounded aggregate.

Neighbouring relation: D ~ D' when D' is D with all rows of one customer added or removed. After bounding,
a customer owns at most R rows in all, has rows in at most L0 groups, and at most L∞ rows of each group count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from privacy.dp.errors import BadQuestion

# So that a customer's sums, times a bound, stay far below 2⁶³.
MOST_ROWS = 10_000
# Beyond this a table of 2³¹ rows could overflow a 64-bit sum.
MOST_UNITS = 2**31


@dataclass(frozen=True)
class ContributionBounds:
    """R rows per customer, L0 groups per customer, L∞ rows per customer and group."""

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
        """Most rows of one customer that count: min(R, L0·L∞).

        >>> ContributionBounds(rows=10, groups=10, rows_per_group=1).l1
        10
        """
        return min(self.rows, self.groups * self.rows_per_group)

    @property
    def squared_l2(self) -> int:
        """Largest Σ n_g² over groups with Σ n_g ≤ R, n_g ≤ L∞, at most L0 groups: ⌊T/L∞⌋·L∞² + (T mod
        L∞)², T = l1.

        >>> ContributionBounds(rows=10, groups=10, rows_per_group=2).squared_l2
        20
        >>> ContributionBounds(rows=10, groups=10, rows_per_group=3).squared_l2
        28
        """
        full, rest = divmod(self.l1, self.rows_per_group)
        return full * self.rows_per_group**2 + rest**2

    @property
    def l2(self) -> float:
        """√squared_l2, rounded up."""
        return root_up(self.squared_l2)

    def coarser(self) -> ContributionBounds:
        """Bounds of any sum over groups: all that counts of a customer may meet in one of them."""
        return ContributionBounds(rows=self.l1, groups=1, rows_per_group=self.l1)


def root_up(square: int) -> float:
    """A float not below √square.

    >>> root_up(9)
    3.0
    """
    whole = math.isqrt(square)
    return float(whole) if whole * whole == square else math.nextafter(math.sqrt(square), math.inf)
