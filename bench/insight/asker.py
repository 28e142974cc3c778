"""Measures how often an asker of audience sizes guesses a secret of one customer; 0.5 is chance.

The asker can write any rule, also one that selects the one customer if the secret is true, and knows how many rules may
be asked for in a year. The counting asker looks for the place where a group is just too small to be told, and adds the
customer. The patient asker asks in many words for a group with and without the customer, and compares how often the
size is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.claim import Claim
from features.insight.audience.difference import MOST, Mask, Selected, SizeAudit
from features.insight.audience.store import MOST_QUESTIONS
from features.insight.group_size import K

TRIES, PEOPLE = 200, 400
EXPLORED = 20
"""Rules that the patient asker tries first, to find a group of which about a third of the rules show a size."""


class FixedAudit(SizeAudit):
    """Decides by K alone."""

    def bound(self, *digests: str) -> int:
        """Return K."""
        return K


@dataclass
class Shop:
    """Customers in an order that the asker knows; the first one has the secret or not."""

    audit: SizeAudit
    has_secret: bool
    asked: int = 0

    def is_told(self, others: int, *, with_target: bool = False) -> bool:
        """Return whether a size above 0 is shown for so many others, and the target if the secret is true."""
        self.asked += 1
        members: Mask = np.zeros(PEOPLE, dtype=np.bool_)
        members[1 : others + 1] = True
        members[0] = with_target and self.has_secret
        return self.audit.told(Selected(str(self.asked), members, np.ones(PEOPLE, dtype=np.bool_))) > 0


def count(shop: Shop) -> bool:
    """Return the guess of the counting asker."""
    few, many = 0, 4 * MOST
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if shop.is_told(middle) else (middle, many)
    return shop.is_told(few, with_target=True)


def wait(shop: Shop, questions: int) -> bool:
    """Return the guess of the patient asker after so many questions."""
    shares = {others: float(np.mean([shop.is_told(others) for _ in range(EXPLORED)])) for others in range(8, MOST, 3)}
    others = min(shares, key=lambda one: abs(shares[one] - 1 / 3))
    left = (questions - shop.asked) // 2
    without = float(np.mean([shop.is_told(others) for _ in range(left)]))
    added = float(np.mean([shop.is_told(others, with_target=True) for _ in range(left)]))
    # One customer more raises the share by this much below the middle of the bounds.
    step = np.sqrt(2 * max(float(without), 1 / left)) / K
    return bool(added - without > step / 2)


def measure() -> Iterator[Claim]:
    """Yield the share of right guesses of each asker."""

    def audit(number: int) -> SizeAudit:
        return SizeAudit(number.to_bytes(4))

    secrets = [(number, number % 2 == 0) for number in range(TRIES)]
    fixed = np.mean([count(Shop(FixedAudit(b""), secret)) is secret for _, secret in secrets])
    drawn = np.mean([count(Shop(audit(number), secret)) is secret for number, secret in secrets])
    yield Claim("secret guessed by a counting asker", float(drawn), "share", float(fixed), "a fixed bound", bar=0.65)
    for questions in (MOST_QUESTIONS // 4, MOST_QUESTIONS):
        found = np.mean([wait(Shop(audit(number), secret), questions) is secret for number, secret in secrets])
        yield Claim(f"secret guessed by a patient asker with {questions:,} rules", float(found), "share")


if __name__ == "__main__":
    for claim in measure():
        claim.print_json()
