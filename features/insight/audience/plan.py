"""Checks a rule against the contracts: the types of its values, and what its purpose and the caller's role may use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, time
from difflib import get_close_matches
from typing import Any

from features.definition import Feature, FeatureCatalog, FeatureType
from features.errors import UnknownFeatureError
from features.insight.audience.errors import DefinitionError
from features.insight.audience.event_name import EVENTS, EventNames
from features.insight.audience.rule import (
    Audience,
    Condition,
    EventTest,
    FeatureTest,
    Group,
    Not,
    PermitTest,
    tests_of,
)
from features.retrieval.answer import Caller
from features.sensitive_name import is_sensitive_name
from privacy.access.errors import AccessRefused
from privacy.access.plan import left_out, require_role
from privacy.access.role import Roles
from privacy.consent.policy import Policy
from privacy.contract.collection import Documents
from privacy.contract.document import Document

EVENT_COLUMNS = ("customer_id", "event_date", "event_type", "channel")
_ELEMENT = {
    FeatureType.INT64_LIST: FeatureType.INT64,
    FeatureType.FLOAT64_LIST: FeatureType.FLOAT64,
    FeatureType.STRING_LIST: FeatureType.STRING,
}
_OPERATORS = {
    FeatureType.INT64: {"is", "one_of", "at_least", "at_most", "missing"},
    FeatureType.FLOAT64: {"is", "one_of", "at_least", "at_most", "missing"},
    FeatureType.STRING: {"is", "one_of", "missing"},
    FeatureType.BOOL: {"is", "missing"},
    FeatureType.TIMESTAMP: {"at_least", "at_most", "within_days", "missing"},
    **{kind: {"contains", "missing"} for kind in _ELEMENT},
}
_LARGEST = 2**53
"""Integers up to this size are the same as FLOAT64."""


@dataclass(frozen=True)
class Contracted:
    """What the contracts, roles and laws of an installation say. `event_names` is asked for rules that name events."""

    catalog: FeatureCatalog
    contracts: Documents[Document]
    roles: Roles
    policy: Policy
    event_names: Callable[[], EventNames]

    def bound(self, audience: Audience) -> Audience:
        """Return the audience with each value in the type of its feature.

        Raises:
            DefinitionError: a feature, event type, channel, purpose or value does not exist, or a comparison does not
            fit the type.
        """
        self._require_purpose(audience.purpose, "purpose")
        return replace(audience, rule=_mapped(audience.rule, self._bound_test))

    def require_access(self, audience: Audience, caller: Caller) -> None:
        """Check that the caller may use the purpose, and for the purpose every feature and event of the rule.

        Raises:
            AccessRefused: it may not; the message names the column and the reason.
        """
        role_name, purpose = caller.role, audience.purpose
        role = self.roles[role_name]
        used: dict[str, set[str]] = {}
        for test in tests_of(audience.rule):
            if isinstance(test, FeatureTest):
                view, _, column = test.feature.partition(":")
                used.setdefault(self.catalog.view(view).table, set()).add(column)
            elif isinstance(test, EventTest):
                used.setdefault(EVENTS, set()).update(EVENT_COLUMNS)
        allowed = [one for one in role.purposes if caller.purposes is None or one in caller.purposes]
        if purpose not in allowed:
            raise AccessRefused(
                f"The role {role_name} may not select an audience for {purpose}; its purposes are "
                f"{', '.join(allowed) or 'none'}."
            )
        for table, columns in used.items():
            require_role(table, role_name, purpose, self.roles, self.policy)
            reasons = left_out(self.contracts.table(table), role, purpose, self.policy)
            refused = [f"{name} {reasons[name]}" for name in sorted(columns) if reasons[name] is not None]
            if refused:
                raise AccessRefused(
                    f"The role {role_name} may not use {table} in an audience for {purpose}: {'; '.join(refused)}."
                )

    def usable(self, role: str, purpose: str) -> dict[str, Feature]:
        """Return the features that a role may use in an audience for a purpose, by reference."""
        found: dict[str, Feature] = {}
        for view in self.catalog.views.values():
            if self.roles[role].may_read(view.table):
                reasons = left_out(self.contracts.table(view.table), self.roles[role], purpose, self.policy)
                found |= {one.reference: one for one in view.features if reasons[one.name] is None}
        return found

    def may_use_events(self, role: str, purpose: str) -> bool:
        """Return whether a role may use events in an audience for a purpose."""
        reasons = left_out(self.contracts.table(EVENTS), self.roles[role], purpose, self.policy)
        return self.roles[role].may_read(EVENTS) and not any(reasons[name] for name in EVENT_COLUMNS)

    def values_of(self, feature: Feature) -> tuple[str, ...]:
        """Return the values that the contract lists for a feature and a rule may name; none if it lists none."""
        enum = self.contracts.table(self.catalog.view(feature.view).table).column(feature.name).enum or ()
        return tuple(str(value) for value in enum if not is_sensitive_name(str(value)))

    def _bound_test(self, test: Condition) -> Condition:
        if isinstance(test, PermitTest):
            self._require_purpose(test.purpose, "permits")
            return test
        if isinstance(test, EventTest):
            self.event_names().require(test)
            return test
        if not isinstance(test, FeatureTest):
            return test
        try:
            feature = self.catalog.feature(test.feature)
        except UnknownFeatureError as error:
            raise DefinitionError(test.feature, "an unknown feature", f"one of the catalog. {error.message}") from None
        return replace(test, bounds=tuple((name, self._bound(feature, name, value)) for name, value in test.bounds))

    def _bound(self, feature: Feature, name: str, value: Any) -> Any:
        if name not in _OPERATORS[feature.type]:
            raise DefinitionError(
                feature.reference, name, f"{', '.join(sorted(_OPERATORS[feature.type]))} for {feature.type}"
            )
        if name in ("missing", "within_days"):
            return value
        if name == "one_of":
            return tuple(self._typed(feature, one) for one in value)
        found = self._typed(feature, value)
        # A date as upper bound includes its day.
        is_day = isinstance(found, datetime) and found.time() == time()
        return datetime.combine(found, time.max) if is_day and name == "at_most" else found

    def _typed(self, feature: Feature, value: Any) -> Any:
        kind, where = _ELEMENT.get(feature.type, feature.type), feature.reference
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind is FeatureType.INT64 and is_number and value == int(value) and abs(value) <= _LARGEST:
            return int(value)
        if kind is FeatureType.FLOAT64 and is_number and abs(value) < 1e300:
            return float(value)
        if kind is FeatureType.TIMESTAMP and isinstance(value, datetime):
            return value
        if kind is FeatureType.BOOL and isinstance(value, bool):
            return value
        if kind is FeatureType.STRING and isinstance(value, str):
            self._require_known(feature, value)
            return value
        raise DefinitionError(where, f"{type(value).__name__} {value!r}"[:60], f"a value of type {kind}")

    def _require_known(self, feature: Feature, value: str) -> None:
        """Refuse a text that the contract does not list, or that no rule may see: the audience would be empty."""
        if is_sensitive_name(value):
            raise DefinitionError(
                feature.reference, repr(value), "a value that tells nothing of health, pregnancy, belief or the like"
            )
        enum = self.contracts.table(self.catalog.view(feature.view).table).column(feature.name).enum
        if enum is not None and value not in enum:
            raise DefinitionError(feature.reference, repr(value), f"one of {', '.join(map(str, enum))}")

    def _require_purpose(self, purpose: str, place: str) -> None:
        if purpose not in self.policy.purposes:
            near = get_close_matches(purpose, self.policy.purposes, n=3) or self.policy.purposes
            raise DefinitionError(place, repr(purpose), f"a purpose, such as {', '.join(near)}")


def _mapped(rule: Condition, change: Callable[[Condition], Condition]) -> Condition:
    """Return the rule with each test replaced by what `change` returns for it."""
    if isinstance(rule, Not):
        return Not(_mapped(rule.inner, change))
    if isinstance(rule, Group):
        return Group(rule.is_all, tuple(_mapped(part, change) for part in rule.parts))
    return change(rule)


def features_of(rule: Condition) -> tuple[str, ...]:
    """Return the features that a rule tests, each once."""
    return tuple(dict.fromkeys(test.feature for test in tests_of(rule) if isinstance(test, FeatureTest)))


def events_of(rule: Condition) -> tuple[EventTest, ...]:
    """Return the tests of events of a rule, one of each kind."""
    kinds = {test.kind: test for test in tests_of(rule) if isinstance(test, EventTest)}
    return tuple(kinds.values())


def purposes_of(audience: Audience) -> frozenset[str]:
    """Return the purpose of an audience and those that its rule tests."""
    tested = {test.purpose for test in tests_of(audience.rule) if isinstance(test, PermitTest)}
    return frozenset({audience.purpose, *tested})
