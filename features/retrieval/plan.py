"""Plans a retrieval: checks the caller's role and purpose, and finds the features that may be used for the purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import Any

from features.definition import Feature, FeatureCatalog
from features.retrieval.answer import Caller, Reason
from features.store.online_store import StoredView, ViewSchema
from privacy.access.errors import AccessRefused
from privacy.access.plan import left_out, require_role, sees_pseudonyms
from privacy.access.role import Roles
from privacy.consent.index import Denial
from privacy.consent.policy import Policy
from privacy.contract.collection import Documents
from privacy.contract.document import Document

_MICROSECONDS = 1_000_000
_MOST_SCHEMAS = 64
"""Schemas that a part remembers. A store has one a view, and reads it anew after each compaction."""
Cells = tuple[tuple[Any, ...], tuple[Reason | None, ...], tuple[datetime | None, ...]]
"""Values, reasons and event times of neighbouring features of one customer."""


@dataclass(frozen=True)
class ViewPart:
    """Features of one view that are neighbours in a service.

    Attributes:
        view: name of the view.
        names: names of the features.
        reasons: why a feature is withheld from every customer; None where it is not.
        oldest_us: for each feature, the age after which it is stale, in microseconds; None: never.
    """

    view: str
    names: tuple[str, ...]
    reasons: tuple[Reason | None, ...]
    oldest_us: tuple[int | None, ...]
    _takes: dict[int, tuple[ViewSchema, itemgetter[Any] | None]] = field(default_factory=dict, compare=False)

    def withheld(self, reason: Reason) -> Cells:
        """Return the cells of a customer from whom everything is withheld for a reason."""
        nothing = (None,) * len(self.names)
        return nothing, tuple(known or reason for known in self.reasons), nothing

    def cells(self, stored: StoredView | None, now_us: int, wall_time: Callable[[int], datetime]) -> Cells:
        """Return the cells of a customer who permits the purpose.

        Args:
            stored: the stored values of the view; None if there are none.
            now_us: the moment, in microseconds since 1970 in UTC.
            wall_time: returns such a moment as the shop's wall time.
        """
        if stored is None:
            return self.withheld(Reason.UNKNOWN_CUSTOMER)
        known = self._takes.get(id(stored.schema))
        take = self._new_take(stored.schema) if known is None else known[1]
        age = now_us - stored.event_time_us
        if take is None or (self._first_stale is not None and age > self._first_stale):
            return self._sorted_out(stored, age, wall_time(stored.event_time_us))
        count = len(self.names)
        values = take(stored.values) if count > 1 else (take(stored.values),)
        return values, self.reasons, (wall_time(stored.event_time_us),) * count

    @cached_property
    def _first_stale(self) -> int | None:
        return min((oldest for oldest in self.oldest_us if oldest is not None), default=None)

    def _new_take(self, schema: ViewSchema) -> itemgetter[Any] | None:
        """Return what takes the features out of stored values; None if not all may be taken, or not all are stored."""
        places = {name: place for place, name in enumerate(schema.names)}
        is_whole = not any(self.reasons) and all(name in places for name in self.names)
        take = itemgetter(*(places[name] for name in self.names)) if is_whole else None
        if len(self._takes) >= _MOST_SCHEMAS:
            self._takes.clear()
        # With the schema, so that no other object gets its address while the entry exists.
        self._takes[id(schema)] = (schema, take)
        return take

    def _sorted_out(self, stored: StoredView, age: int, event_time: datetime) -> Cells:
        held, found = stored.as_dict(), []
        for name, withheld, oldest in zip(self.names, self.reasons, self.oldest_us, strict=True):
            reason = withheld
            if reason is None and name not in held:
                reason = Reason.UNKNOWN_CUSTOMER
            if reason is None and oldest is not None and age > oldest:
                reason = Reason.STALE
            is_free = reason is None
            found.append((held[name] if is_free else None, reason, event_time if is_free else None))
        values, reasons, times = zip(*found, strict=True)
        return values, reasons, times


@dataclass(frozen=True)
class RetrievalPlan:
    """What a role may retrieve through a service for a purpose.

    Attributes:
        features: names of all features of the service, as `view:feature`.
        parts: the features by view, in the same order.
        views: names of the views to read.
        logged: names of the features that can be released.
        withheld: the cells of a customer from whom everything is withheld, by the reason.
    """

    features: tuple[str, ...]
    parts: tuple[ViewPart, ...]
    views: tuple[str, ...]
    logged: tuple[str, ...]
    withheld: dict[Reason | Denial, Cells]


def plan_retrieval(
    catalog: FeatureCatalog,
    contracts: Documents[Document],
    roles: Roles,
    policy: Policy,
    service: str,
    purpose: str,
    caller: Caller,
) -> RetrievalPlan:
    """Return the plan of a retrieval.

    Raises:
        AccessRefused: the caller's key or role, or the service, does not have the purpose; the role may not read a
            table of the service; or the role knows customers by pseudonyms only.
        UnknownPurposeError: no such purpose.
        UnknownServiceError: no such service.
    """
    policy.taxonomy[purpose]
    found = catalog.service(service)
    role = roles[caller.role]
    if caller.purposes is not None and purpose not in caller.purposes:
        allowed = ", ".join(sorted(caller.purposes)) or "none"
        raise AccessRefused(f"This caller may not ask for {purpose}; its purposes are {allowed}.")
    if purpose not in found.purposes:
        serves = ", ".join(sorted(found.purposes))
        raise AccessRefused(f"The feature service {service} does not serve {purpose}; its purposes are {serves}.")
    tables = {name: catalog.view(name).table for name in dict.fromkeys(f.partition(":")[0] for f in found.features)}
    for table in tables.values():
        require_role(table, caller.role, purpose, roles, policy)
    if sees_pseudonyms(role, purpose, policy) or role.values == "coarsened":
        raise AccessRefused(
            f"The role {caller.role} knows customers by pseudonyms for {purpose}, so it may not ask for a customer; "
            "read a table with `bojagi read` instead."
        )
    refused = {
        f"{view}:{column}"
        for view, table in tables.items()
        for column, reason in left_out(contracts.table(table), role, purpose, policy).items()
        if reason is not None
    }
    features = [catalog.feature(reference) for reference in found.features]
    parts = tuple(_part(view, list(group), purpose, refused) for view, group in groupby(features, lambda f: f.view))
    free = [f"{part.view}:{n}" for part in parts for n, why in zip(part.names, part.reasons, strict=True) if not why]
    withheld: dict[Reason | Denial, Cells] = {reason: joined([p.withheld(reason) for p in parts]) for reason in Reason}
    withheld |= {denial: withheld[Reason(denial.value)] for denial in Denial}
    return RetrievalPlan(found.features, parts, tuple(tables), tuple(free), withheld)


def joined(cells: Sequence[Cells]) -> Cells:
    """Return the cells of neighbouring parts as those of one part."""
    if len(cells) == 1:
        return cells[0]
    values, reasons, times = zip(*cells, strict=True)
    return sum(values, ()), sum(reasons, ()), sum(times, ())


def _part(view: str, features: Sequence[Feature], purpose: str, refused: set[str]) -> ViewPart:
    is_refused = [purpose not in feature.purposes or feature.reference in refused for feature in features]
    return ViewPart(
        view,
        tuple(feature.name for feature in features),
        tuple(Reason.NOT_FOR_PURPOSE if refused else None for refused in is_refused),
        tuple(None if f.freshness_seconds is None else f.freshness_seconds * _MICROSECONDS for f in features),
    )
