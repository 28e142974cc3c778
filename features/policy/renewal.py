"""Renews policies: judges a version that waits for its verdict, else learns the next one and judges it."""

from __future__ import annotations

from dataclasses import dataclass

from features.policy.errors import DecisionLogError
from features.policy.service import PolicyService


@dataclass(frozen=True)
class Renewal:
    """What was done about a policy. `answer`: the verdict about the version; empty where no version was learned."""

    version: str
    answer: str
    reason: str


def renew(policies: PolicyService, who: str) -> list[Renewal]:
    """Renew every policy, and return what was done.

    A version waits for its verdict as long as the decisions did not suffice to compare it.

    Raises:
        ConsentError: the consent record cannot be read.
    """
    with policies.store() as store:
        names = store.names()
    return [_renew(policies, name, who) for name in names]


def _renew(policies: PolicyService, name: str, who: str) -> Renewal:
    with policies.store() as store:
        newest = store.versions(name)[-1]
        is_judged = any(one.number == newest.number and one.spent_to for one in store.verdicts(name))
    if newest.number == 1 or is_judged:
        try:
            newest = policies.learn(name, who)
        except DecisionLogError as error:
            return Renewal(newest.name, "", str(error))
    verdict = policies.judge(name, who)
    return Renewal(newest.name, verdict.answer.value, verdict.reason)
