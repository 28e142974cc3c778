"""The answer of a retrieval: the value of each feature and customer, or the reason why it is withheld."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

FeatureValue = int | float | str | bool | datetime | list[int] | list[float] | list[str]


class Reason(StrEnum):
    """The reason why a value is withheld.

    no_consent: the customer does not permit the purpose at this moment, or never said so.
    objected: the customer has objected to the purpose, or to every purpose.
    restricted: the customer has restricted the processing for the purpose, or for every purpose.
    unknown_customer: the online store has no row of the customer for the feature's view.
    stale: the value is older than the feature's freshness allows.
    not_for_purpose: the feature may not be used for the purpose, by its contract or by law.
    """

    NO_CONSENT = "no_consent"
    OBJECTED = "objected"
    RESTRICTED = "restricted"
    UNKNOWN_CUSTOMER = "unknown_customer"
    STALE = "stale"
    NOT_FOR_PURPOSE = "not_for_purpose"


@dataclass(frozen=True)
class Caller:
    """The user or service that asks.

    Attributes:
        name: name in the audit log; no personal data.
        role: a role of `privacy/access/role.yaml`.
        purposes: the purposes that the caller's key or token is bound to; None: all purposes of the role.
        identity: `authenticated` where a door has checked name and role, `declared` where the caller stated them.
    """

    name: str
    role: str
    purposes: frozenset[str] | None = None
    identity: Literal["declared", "authenticated"] = "declared"


class CustomerFeatures(NamedTuple):
    """The features of one customer, in the order of `FeatureAnswer.features`.

    Attributes:
        customer_id: as it was asked for.
        values: None where a value is withheld, and where the stored value is null.
        reasons: None where a value is released.
        event_times: the shop's local wall time at which a value was true; None where no value is released.
    """

    customer_id: str
    values: tuple[FeatureValue | None, ...]
    reasons: tuple[Reason | None, ...]
    event_times: tuple[datetime | None, ...]


@dataclass(frozen=True, slots=True)
class FeatureAnswer:
    """The answer of one retrieval: one entry for each customer, in the order of the request.

    Attributes:
        service: name of the feature service.
        purpose: the purpose of use.
        moment: the shop's local wall time for which consent was decided.
        features: names of the features, as `view:feature`.
        customers: the features of each customer.
    """

    service: str
    purpose: str
    moment: datetime
    features: tuple[str, ...]
    customers: tuple[CustomerFeatures, ...]

    def values(self) -> Iterator[tuple[str, str, FeatureValue | None, Reason | None]]:
        """Yield customer, feature, value and reason of every value of the answer."""
        for row in self.customers:
            for feature, value, reason in zip(self.features, row.values, row.reasons, strict=True):
                yield row.customer_id, feature, value, reason
