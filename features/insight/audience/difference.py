"""Sizes of groups that reveal no single customer: rounded down, and only of groups that differ by enough people.

Two sizes tell about the people in whom two groups differ. If K or more people differ, they tell about a group that may
be reported by itself. So a group is refused if fewer than K people separate it from an earlier group or from what an
earlier group leaves out. It is also refused if the two groups are the same: else the refusal itself would tell that
somebody differs. This is no differential privacy: it does not hold against an asker who knows K - 1 of the people.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from features.insight.group_size import K

Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Selected(NamedTuple):
    """The members of one rule, and the customers who permit its purpose: one entry per customer each."""

    members: Mask
    permitted: Mask


def rounded_down(count: int) -> int:
    """Return the count rounded down to a multiple of K.

    >>> rounded_down(9), rounded_down(129)
    (0, 120)
    """
    return count // K * K


def is_near_identical(new: Selected, earlier: Iterable[Selected]) -> bool:
    """Return whether fewer than K people separate a new group from everybody, an earlier group, or its complement.

    A complement is what the earlier group leaves out of the people who permit its own purpose or the new one. A group
    with fewer than K people is never near-identical: its size is reported as 0, whoever is in it.
    """
    if np.count_nonzero(new.members) < K:
        return False
    others = [new.permitted]
    for one in earlier:
        others += [one.members, one.permitted & ~one.members, new.permitted & ~one.members]
    return any(np.count_nonzero(new.members ^ other) < K for other in others)
