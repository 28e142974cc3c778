"""Decides which sizes of groups are told, so that neither a size nor a refusal tells about a single customer.

Two sizes tell about the people in whom two groups differ. If K or more people differ, they tell about a group that may
be reported by itself. So a group is refused if too few people separate it from an earlier group or from what an
earlier group leaves out. It is also refused if the two groups are the same: else the refusal itself would tell that
somebody differs.

A fixed bound would tell more than sizes do: an asker who varies a rule until it is no longer refused knows that exactly
K people differ, and can then add one person. So the bound of each pair of rules, and that of a size, is K plus the sum
of two numbers below K, drawn by a secret of the installation. One person more or less then changes the chance
of a refusal by at most 1 / K, and each question counts (`store.MOST_QUESTIONS`). This is no differential privacy.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from features.insight.group_size import K, told_size

MOST = 3 * K - 2
"""The largest bound."""
_EVERYBODY = "everybody"
Mask: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]


class Selected(NamedTuple):
    """The members of one rule, and the customers who permit its purpose: one entry per customer each."""

    digest: str
    members: Mask
    permitted: Mask


@dataclass(frozen=True)
class SizeAudit:
    """Decides for the rules of one installation. `key` is its secret; rules are named by their digests."""

    key: bytes

    def bound(self, *digests: str) -> int:
        """Return how many people a rule must have, or how many must separate two rules: from K to MOST.

        It is the same in each call, in whatever order the digests are.
        """
        drawn = hmac.digest(self.key, "\n".join(sorted(digests)).encode(), "sha256")
        return K + sum(int.from_bytes(drawn[part : part + 8]) % K for part in (0, 8))

    def told(self, group: Selected) -> int:
        """Return the size as it is told: rounded down to a multiple of K, and 0 below the rule's bound."""
        count = int(np.count_nonzero(group.members))
        return 0 if count < self.bound(group.digest) else told_size(count)

    def is_near_identical(self, new: Selected, earlier: Iterable[Selected]) -> bool:
        """Return whether too few people separate a new group from everybody, an earlier group, or its complement.

        A complement is what the earlier group leaves out of the people who permit its own purpose or the new one. A
        group whose size is told as 0, new or earlier, is never near-identical. If it were compared, a refusal would
        tell whether there is anybody in it.
        """
        if not self.told(new):
            return False
        if self._is_near(new, _EVERYBODY, new.permitted):
            return True
        return any(
            self._is_near(new, one.digest, one.members, one.permitted & ~one.members, new.permitted & ~one.members)
            for one in earlier
            if self.told(one)
        )

    def _is_near(self, new: Selected, digest: str, *groups: Mask) -> bool:
        bound = self.bound(new.digest, digest)
        return any(np.count_nonzero(new.members ^ one) < bound for one in groups if np.count_nonzero(one) >= K)
