"""Judges a rollout: go on, hold, begin the next stage or roll back, with the reason."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from features.rollout.definition import CALLS, DIFFERENCE, SHADOW_COUNTS, Comparison, Rollout, StageKind
from features.rollout.evidence import Floats, evidence, share_of_new
from features.rollout.store import Counts, Step

LOOK = timedelta(minutes=10)
"""Length of a look. A look is judged when it is over, because a test at any moment within one would not be valid."""
LATE = timedelta(minutes=1)
"""How long after a look a process may still add to its counts."""
SILENCE = timedelta(hours=24)
"""Without a call of the new version for so long, a rollout is held."""
DOUBT = 5.0
"""Evidence at which the next stage does not begin: one in five sound versions ever has so much, and it falls again."""


class Action(StrEnum):
    """What a judgement does."""

    CONTINUE = "continue"
    HOLD = "hold"
    ADVANCE = "advance"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class Finding:
    """What is known about one guardrail.

    Attributes:
        guardrail: its name.
        compared: what the new version is compared with.
        new_rate: share of the calls of the new version in this stage; None without a call.
        old_rate: share of the calls of the other version in the same looks, or the limit.
        evidence: evidence after the last look that the guardrail is broken.
        needed: evidence at which it counts as broken, 1 / α of one comparison.
        broken_at: end of the first look whose evidence sufficed; None if none did.
    """

    guardrail: str
    compared: Comparison
    new_rate: float | None
    old_rate: float | None
    evidence: float
    needed: float
    broken_at: datetime | None

    @property
    def is_broken(self) -> bool:
        """Whether the evidence sufficed at any look."""
        return self.broken_at is not None

    @property
    def text(self) -> str:
        """The finding in words."""
        beside = "a limit of" if self.compared is Comparison.LIMIT else "the old version's"
        return f"{self.guardrail} {_share(self.new_rate)} against {beside} {_share(self.old_rate)}"


@dataclass(frozen=True)
class Judgement:
    """What to do with a rollout, why, and what is known about each guardrail."""

    action: Action
    reason: str
    findings: tuple[Finding, ...]


def look_of(moment: datetime) -> datetime:
    """Return the beginning of the look of a moment."""
    return datetime.fromtimestamp(moment.timestamp() // LOOK.total_seconds() * LOOK.total_seconds(), moment.tzinfo)


def judge(step: Step, counts: Counts, now: datetime) -> Judgement:
    """Return the judgement about a running rollout. `step.at` is the beginning of its stage."""
    over = {key: count for key, count in counts.items() if key[0] + LOOK + LATE <= now}
    findings = find(step.rollout, over, look_of(step.at))
    broken = [one.text for one in findings if one.is_broken]
    if broken:
        return Judgement(Action.ROLL_BACK, f"guardrail broken: {'; '.join(broken)}", findings)
    action, reason = _progress(step, counts, now)
    in_doubt = [one.text for one in findings if one.evidence >= DOUBT]
    if action is Action.ADVANCE and in_doubt:
        return Judgement(Action.HOLD, f"in doubt: {'; '.join(in_doubt)}", findings)
    return Judgement(action, reason, findings)


def find(rollout: Rollout, counts: Counts, since: datetime | None = None) -> tuple[Finding, ...]:
    """Return a finding for each guardrail and comparison. All comparisons share alpha equally.

    Evidence is of all looks, and the shares that are told are of the looks `since` the beginning of a stage.
    """
    looks = sorted({look for look, *_ in counts})
    places = {look: place for place, look in enumerate(looks)}
    columns: dict[tuple[str, bool, str], Floats] = defaultdict(lambda: np.zeros(len(looks)))
    for (look, called, in_shadow, metric), count in counts.items():
        columns[called, in_shadow, metric][places[look]] = count
    told = np.array([since is None or look >= since for look in looks], np.float64)
    days = np.array([(look - looks[0]).total_seconds() / 86_400 for look in looks])
    comparisons = [(one, compared) for one in rollout.guardrails for compared in one.comparisons]
    needed = len(comparisons) / rollout.alpha

    def column(version: str, metric: str, *, is_shadow: bool = False) -> Floats:
        return columns[version, is_shadow, metric]

    found = []
    for guardrail, compared in comparisons:
        name, is_rise = guardrail.name, guardrail.direction == "rise"
        served, unused = column(rollout.new, CALLS), column(rollout.new, CALLS, is_shadow=True)
        # Calls in shadow and calls that were served are never added: a count such as clicks has none in shadow.
        uses_shadow = ((served == 0) & (name in SHADOW_COUNTS)) | (name == DIFFERENCE)
        calls = np.where(uses_shadow, unused, served)
        hits = np.where(uses_shadow, column(rollout.new, name, is_shadow=True), column(rollout.new, name))
        old_calls, old_hits = column(rollout.old, CALLS), column(rollout.old, name)
        if compared is Comparison.LIMIT:
            limit = guardrail.limit or 0.0
            # Where the old version is called as well, the ratio decides: an outage of both is no fault of the new one.
            is_alone = (old_calls == 0) | (Comparison.RATIO not in guardrail.comparisons)
            hits, calls = hits * is_alone, calls * is_alone
            bad, edge = (hits, limit) if is_rise else (calls - hits, 1 - limit)
            reached = evidence(bad, calls, np.full(len(looks), edge), days)
            beside: float | None = limit
        else:
            first, second = ((hits, calls), (old_hits, old_calls))[:: 1 if is_rise else -1]
            limits = share_of_new(first[1], second[1], guardrail.most_ratio or 1.0)
            reached = evidence(first[0], hits + old_hits, limits, days)
            both = told * (calls > 0)
            beside = _rate(old_hits * both, old_calls * both)
        first_time = next((looks[one] + LOOK for one in np.flatnonzero(reached >= needed)), None)
        now = float(reached[-1]) if len(looks) else 1.0
        found.append(Finding(name, compared, _rate(hits * told, calls * told), beside, now, needed, first_time))
    return tuple(found)


def _progress(step: Step, counts: Counts, now: datetime) -> tuple[Action, str]:
    rollout, stage = step.rollout, step.rollout.stages[step.stage]
    is_shadow = stage.kind is StageKind.SHADOW
    begun, ends = look_of(step.at), step.at + timedelta(hours=stage.hours)

    def calls(version: str, *, shadow: bool = False, since: datetime = begun) -> int:
        return sum(
            count
            for (look, one, in_shadow, metric), count in counts.items()
            if (one, in_shadow, metric) == (version, shadow, CALLS) and look >= since
        )

    made = calls(rollout.new, shadow=is_shadow)
    if now < ends and now - step.at < SILENCE:
        return Action.CONTINUE, f"{stage.kind} until {ends:%Y-%m-%d %H:%M} at least"
    if made == 0:
        return Action.HOLD, f"{stage.kind} without data: no call of {rollout.new} since {step.at:%Y-%m-%d %H:%M}"
    if calls(rollout.new, shadow=is_shadow, since=now - SILENCE) == 0:
        return Action.HOLD, f"{stage.kind} without data: no call of {rollout.new} in the last 24 hours"
    if stage.kind is not StageKind.BLUE_GREEN and calls(rollout.old) == 0:
        return Action.HOLD, f"{stage.kind} without data: no call of {rollout.old} to compare with"
    if now < ends:
        return Action.CONTINUE, f"{stage.kind} until {ends:%Y-%m-%d %H:%M} at least"
    if made < rollout.least_calls:
        return Action.HOLD, f"too few calls: {made:,} of {rollout.new}, {rollout.least_calls:,} are needed"
    return Action.ADVANCE, f"{stage.kind} has ended: {made:,} calls, no guardrail is broken"


def _rate(hits: Floats, calls: Floats) -> float | None:
    return float(hits.sum() / calls.sum()) if calls.sum() else None


def _share(rate: float | None) -> str:
    return "without a call" if rate is None else f"{rate:.2%}"
