"""Plans a retrieval: checks the caller's role and purpose, and finds the features that may be used for the purpose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from features.definition import Feature, FeatureCatalog, FeatureService
from features.retrieval.answer import Caller, CustomerFeatures, Reason
from features.store.online_store import Absent, Selection
from privacy.access.errors import AccessRefused
from privacy.access.plan import left_out, require_role, sees_pseudonyms
from privacy.access.role import Roles
from privacy.consent.policy import Policy
from privacy.contract.collection import Documents
from privacy.contract.document import Document

_MICROSECONDS = 1_000_000
_NEVER = 1 << 63
_new = tuple.__new__
_EVENT_TIMES = 4096
"""Combinations of event times that a plan remembers. Most customers have those of the last run."""


class _Slot(NamedTuple):
    """One feature of the service: whether it is withheld from everybody, where its value is, when it becomes stale."""

    withheld: Reason | None
    view: int
    place: int
    fresh_us: int


class RetrievalPlan:
    """What a role may retrieve through a service for a purpose.

    Attributes:
        features: names of all features of the service, as `view:feature`.
        columns: names of the features that can be released, by view; the others are not read.
        logged: names of the features that can be released, as `view:feature`.
    """

    def __init__(self, features: Sequence[Feature], refused: set[str], wall_time: Callable[[int], datetime]) -> None:
        """Prepare the retrieval.

        Args:
            features: of the service.
            refused: names of the features that may not be used for the purpose.
            wall_time: returns microseconds since 1970 in UTC as the shop's wall time.
        """
        self.features = tuple(feature.reference for feature in features)
        self.logged = tuple(name for name in self.features if name not in refused)
        by_view: dict[str, list[str]] = {}
        for feature in features:
            if feature.reference not in refused:
                by_view.setdefault(feature.view, []).append(feature.name)
        self.columns = tuple((view, tuple(names)) for view, names in by_view.items())
        read = [f"{view}:{name}" for view, names in self.columns for name in names]
        views = list(by_view)
        self._slots = [
            _Slot(Reason.NOT_FOR_PURPOSE, -1, -1, _NEVER)
            if feature.reference in refused
            else _Slot(None, views.index(feature.view), read.index(feature.reference), _fresh_us(feature))
            for feature in features
        ]
        # The place -1 is that of a null, which is appended to the values of a customer.
        places = [slot.place for slot in self._slots]
        self._arranged: Callable[[Sequence[Any]], tuple[Any, ...]] | None = None
        if places != list(range(len(places))):
            self._arranged = itemgetter(*places) if len(places) > 1 else lambda values: (values[places[0]],)
        self._reasons = tuple(slot.withheld for slot in self._slots)
        self._withheld = {reason: tuple(known or reason for known in self._reasons) for reason in Reason}
        self._nothing = (None,) * len(self._slots)
        self._wall_time = wall_time
        self._times = lru_cache(maxsize=_EVENT_TIMES)(self._new_times)

    def withheld(self, customer: str, reason: Reason) -> CustomerFeatures:
        """Return the features of a customer from whom everything is withheld for a reason."""
        return _new(CustomerFeatures, (customer, self._nothing, self._withheld[reason], self._nothing))

    def released(self, customer: str, stored: Selection, now_us: int) -> CustomerFeatures:
        """Return the features of a customer who permits the purpose.

        Args:
            customer: its id.
            stored: what is stored of it, of `columns`.
            now_us: the moment, in microseconds since 1970 in UTC.
        """
        event_times_us, values, is_whole = stored
        if is_whole:
            times, fresh_until = self._times(event_times_us)
            if now_us <= fresh_until:
                arranged = tuple(values) if self._arranged is None else self._arranged([*values, None])
                # As CustomerFeatures(…), in half the time.
                return _new(CustomerFeatures, (customer, arranged, self._reasons, times))
        return CustomerFeatures(
            customer, *zip(*(self._cell(slot, stored, now_us) for slot in self._slots), strict=True)
        )

    def _cell(self, slot: _Slot, stored: Selection, now_us: int) -> tuple[Any, Reason | None, datetime | None]:
        if slot.withheld is not None:
            return None, slot.withheld, None
        event_time_us, value = stored.event_times_us[slot.view], stored.values[slot.place]
        if event_time_us is None or value is Absent.ABSENT:
            return None, Reason.UNKNOWN_CUSTOMER, None
        if now_us > event_time_us + slot.fresh_us:
            return None, Reason.STALE, None
        return value, None, self._wall_time(event_time_us)

    def _new_times(self, event_times_us: tuple[int, ...]) -> tuple[tuple[datetime | None, ...], int]:
        """Return the wall time of each feature, and the instant after which the first of them is stale."""
        walls = [*map(self._wall_time, event_times_us), None]
        until = [event_times_us[slot.view] + slot.fresh_us for slot in self._slots if slot.withheld is None]
        return tuple(walls[slot.view] for slot in self._slots), min(until, default=_NEVER)


def plan_retrieval(
    catalog: FeatureCatalog,
    contracts: Documents[Document],
    roles: Roles,
    policy: Policy,
    service: str | FeatureService,
    purpose: str,
    caller: Caller,
    wall_time: Callable[[int], datetime],
) -> RetrievalPlan:
    """Return the plan of a retrieval. `wall_time` returns microseconds since 1970 in UTC as the shop's wall time.

    Raises:
        AccessRefused: the caller's key or role, or the service, does not have the purpose; the role may not read a
            table of the service; or the role knows customers by pseudonyms only.
        UnknownPurposeError: no such purpose.
        UnknownServiceError: no such service.
    """
    policy.taxonomy[purpose]
    found = catalog.service(service) if isinstance(service, str) else service
    role = roles[caller.role]
    if caller.purposes is not None and purpose not in caller.purposes:
        allowed = ", ".join(sorted(caller.purposes)) or "none"
        raise AccessRefused(f"This caller may not ask for {purpose}; its purposes are {allowed}.")
    if purpose not in found.purposes:
        serves = ", ".join(sorted(found.purposes))
        raise AccessRefused(f"The feature service {found.name} does not serve {purpose}; its purposes are {serves}.")
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
    refused |= {feature.reference for feature in features if purpose not in feature.purposes}
    return RetrievalPlan(features, refused, wall_time)


def _fresh_us(feature: Feature) -> int:
    return _NEVER if feature.freshness_seconds is None else feature.freshness_seconds * _MICROSECONDS
