from itertools import product

import pytest

from privacy.dp.errors import BadQuestion
from privacy.dp.sensitivity import ContributionBounds


@pytest.mark.parametrize(("rows", "groups", "per_group"), list(product(range(1, 7), range(1, 5), range(1, 7))))
def test_the_formulas_equal_brute_force(rows: int, groups: int, per_group: int) -> None:
    bounds = ContributionBounds(rows, groups, per_group)
    counts = [c for c in product(range(per_group + 1), repeat=groups) if sum(c) <= rows]
    assert bounds.l1 == max(sum(c) for c in counts)
    assert bounds.squared_l2 == max(sum(n * n for n in c) for c in counts)
    assert bounds.coarser().l1 == bounds.l1


@pytest.mark.parametrize("wrong", [0, -1, 10**9, True])
def test_bounds_below_one_or_too_large_are_refused(wrong: int) -> None:
    with pytest.raises(BadQuestion):
        ContributionBounds(wrong, 1, 1)
