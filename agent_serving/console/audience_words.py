"""Rules of audiences in words, with the plain names of the contracts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.definition import Feature, FeatureCatalog
from features.insight.audience.rule import Condition, EventTest, FeatureTest, Group, Not, PermitTest
from installation.contract.document import Contracts
from installation.contract.plain_name import PlainNames, readable
from privacy.rights.wording import Wording

OPERATORS = {
    "at_least": Wording("at least", "이상"), "at_most": Wording("at most", "이하"), "is": Wording("is", "일치"),
    "one_of": Wording("is one of", "다음 중 하나"), "contains": Wording("contains", "포함"),
    "within_days": Wording("in the last days", "최근 일수 이내"), "missing": Wording("is unknown", "값 없음"),
    "known": Wording("is known", "값 있음"),
}  # fmt: skip
ALL, ANY = (
    Wording("All of these hold", "다음을 모두 만족"),
    Wording("At least one of these holds", "다음 중 하나 이상 만족"),
)


@dataclass(frozen=True)
class Clause:
    """A line of a rule; a group has the lines of its parts below it."""

    text: Wording
    parts: tuple[Clause, ...] = ()


@dataclass(frozen=True)
class RuleWords:
    """Says rules in words. A feature that no longer exists keeps its name."""

    catalog: FeatureCatalog
    contracts: Contracts
    names: PlainNames

    def clause(self, rule: Condition) -> Clause:
        """Return a rule as lines."""
        if isinstance(rule, Group):
            return Clause(ALL if rule.is_all else ANY, tuple(map(self.clause, rule.parts)))
        if isinstance(rule, Not):
            inner = self.clause(rule.inner)
            return Clause(Wording(f"Not: {inner.text.en}", f"제외: {inner.text.ko}"), inner.parts)
        if isinstance(rule, PermitTest):
            name = self.names.purpose(rule.purpose)
            return Clause(Wording(f"Permits now: {name.en}", f"현재 동의: {name.ko}"))
        if isinstance(rule, EventTest):
            return Clause(_event(rule))
        return Clause(self._feature_test(rule))

    def feature(self, feature: Feature) -> Wording:
        """Return the name of a feature with its unit."""
        name = self.names.column(self.contracts.table(self.catalog.view(feature.view).table), feature.name)
        unit = f" ({feature.unit})" if feature.unit and feature.unit not in name.en else ""
        return Wording(name.en + unit, name.ko + unit)

    def view(self, view: str) -> Wording:
        """Return the title of a view of features."""
        return self.names.table(self.contracts.table(self.catalog.view(view).table))

    def _feature_test(self, test: FeatureTest) -> Wording:
        view, _, column = test.feature.partition(":")
        known = {one.name: one for one in self.catalog.views[view].features} if view in self.catalog.views else {}
        name = self.feature(known[column]) if column in known else Wording(readable(column), readable(column))
        bounds = [_bound(operator, value) for operator, value in test.bounds]
        english, korean = (", ".join(one.text(language) for one in bounds) for language in ("en", "ko"))
        return Wording(f"{name.en}: {english}", f"{name.ko}: {korean}")


def event_name(event: str) -> Wording:
    """Return the name of an event type."""
    return Wording(readable(event), readable(event))


def _event(test: EventTest) -> Wording:
    name = event_name(test.event)
    channel = f" ({test.channel})" if test.channel else ""
    least = "" if test.at_least is None else f"{test.at_least}"
    most = "" if test.at_most is None else f"{test.at_most}"
    count = Wording(
        " and ".join(one for one in (least and f"at least {least}", most and f"at most {most}") if one),
        " ".join(one for one in (least and f"{least}회 이상", most and f"{most}회 이하") if one),
    )
    return Wording(
        f"{name.en}{channel}: {count.en} in the last {test.within_days} days",
        f"{name.ko}{channel}: 최근 {test.within_days}일간 {count.ko}",
    )


def _bound(operator: str, value: Any) -> Wording:
    if operator == "missing":
        return OPERATORS["missing" if value else "known"]
    if operator == "within_days":
        return Wording(f"in the last {value} days", f"최근 {value}일 이내")
    if isinstance(value, bool):
        return Wording("yes", "예") if value else Wording("no", "아니요")
    text = ", ".join(map(_shown, value)) if isinstance(value, tuple) else _shown(value)
    word = OPERATORS[operator]
    return Wording(f"{word.en} {text}", f"{text} {word.ko}")


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat(" ", "minutes")
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
