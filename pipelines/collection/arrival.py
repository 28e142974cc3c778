"""Pushes the features of events of known customers when they arrive, before they are in bronze.

An event's customer is found by its matching keys in silver/identifier, as the batch does. An event that the load will
refuse is left out, and so are the features of a person who does not permit their purpose. An event that is missed, or
counted twice because it was sent twice, is right again after the next batch, which counts the events of bronze.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from features.definition import FeatureCatalog, read_catalog
from features.repo.event_push import VIEW, Event, push_events
from features.retrieval.customer_consent import CustomerConsent
from features.store.online_store import OnlineStore
from features.store.opening import open_online_store
from installation.contract.document import Contract
from installation.installation import Installation
from pipelines.collection.log_tail import LogTail
from pipelines.ingest.batch_preparation import check_rows
from pipelines.ingest.json_field import JsonFields
from pipelines.ingest.json_lines_file import JsonBatch, JsonRows, read_line
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.value_rule import value_rules

KINDS = ("member_no", "card_no", "email", "account_no", "device_id", "phone")
"""Kinds of keys in the order in which `pipelines.unify.customer_of` tries them."""
RELOAD_SECONDS = 5.0
MOST_REMEMBERED = 100_000
"""Identifiers of events that are remembered, so that one that is sent twice counts once."""
_IDENTIFIER = "silver/identifier"


class KnownKeys:
    """The customer of each matching key, read again when silver/identifier has changed."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._version: int | None = None
        self._looked_at = -RELOAD_SECONDS
        self._customers: dict[tuple[str, str], str] = {}

    def customer(self, tokens: Mapping[str, str]) -> str | None:
        """Return the customer of the first key that has one. `tokens`: by kind."""
        self._follow()
        found = (self._customers.get((kind, tokens[kind])) for kind in KINDS if kind in tokens)
        return next((customer for customer in found if customer is not None), None)

    def _follow(self) -> None:
        if time.monotonic() - self._looked_at < RELOAD_SECONDS:
            return
        self._looked_at = time.monotonic()
        lakehouse = self._installation.lakehouse
        version = lakehouse.version(_IDENTIFIER) if lakehouse.exists(_IDENTIFIER) else None
        if version is None or version == self._version:
            return
        rows = lakehouse.rows(_IDENTIFIER, ["token_kind", "token", "customer_id"])
        kinds, tokens, customers = (rows[name].to_pylist() for name in ("token_kind", "token", "customer_id"))
        self._customers = dict(zip(zip(kinds, tokens, strict=True), customers, strict=True))
        self._version = version


@dataclass
class Arrivals:
    """Pushes the events of one source that the tail of its log reads. Use it as a context manager, from one thread."""

    installation: Installation
    contract: Contract
    tail: LogTail
    catalog: FeatureCatalog = field(init=False)
    _store: OnlineStore = field(init=False)

    def __post_init__(self) -> None:
        self._keys = KnownKeys(self.installation)
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._zone = ZoneInfo(self.installation.settings.time_zone)
        self._roles = dict(self.contract.touchpoint.columns) if self.contract.touchpoint else {}
        assert self.contract.file is not None  # it has a folder
        self._rows = JsonRows(self.contract, self.contract.file, JsonFields(self.contract, self.contract.name))
        options = LoadOptions.of(self.installation.settings, self.installation.reference_date())
        self._rules = value_rules(self.contract, options, self.installation.clock().replace(tzinfo=None))
        self.catalog = read_catalog(self.installation)
        self._consent: CustomerConsent | None = None
        self._purpose = self.installation.contracts[f"gold.{VIEW}"].built_for

    def __enter__(self) -> Arrivals:
        self._store = open_online_store(self.installation, verify=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.close()
        if self._consent is not None:
            self._consent.close()

    def push(self) -> int:
        """Push the features of the events that have arrived since the last call; return how many were pushed."""
        return sum(self._push(lines) for lines in self.tail.groups())

    def _push(self, lines: Sequence[bytes]) -> int:
        events = self._events(lines)
        permitted = self._permitted({event.customer_id for event in events}) if events else set()
        chosen = [event for event in events if event.customer_id in permitted]
        return push_events(self._store, self.catalog, chosen, self._zone) if chosen else 0

    def _permitted(self, customers: Iterable[str]) -> set[str]:
        names = sorted(customers)
        if self._purpose is None:
            return set(names)
        if not self.installation.has_consent_record:
            return set()
        self._consent = self._consent or CustomerConsent(self.installation)
        denials = self._consent.denials(names, self._purpose, self.installation.decision_moment())
        return {name for name, denial in zip(names, denials, strict=True) if denial is None}

    def _events(self, lines: Sequence[bytes]) -> list[Event]:
        """Return the events of known customers. Those that the load will refuse are left out, by its own rules."""
        if not lines:
            return []
        read = JsonBatch()
        for number, line in enumerate(lines):
            read.add(*read_line(number, line.decode("utf-8", "replace"), "UTF-8"))
        today = self.installation.reference_date()
        checked = check_rows(self._rows.batch(read), self.contract, self._rules, today)
        columns = {column.name: checked.columns[column.name] for column in self.contract.columns}
        values = {name: column.to_pylist() for name, column in columns.items()}
        keys = [
            (column.token, self.installation.tokenizer.tokens(column.token, columns[column.name]).to_pylist())
            for column in self.contract.columns if column.token is not None
        ]  # fmt: skip
        events = []
        for row in np.flatnonzero(checked.faults.is_sound).tolist():
            tokens = {kind: column[row] for kind, column in keys if column[row] is not None}
            event = self._event({name: column[row] for name, column in values.items()}, tokens)
            if event is not None:
                events.append(event)
        return events

    def _event(self, values: Mapping[str, Any], tokens: Mapping[str, str]) -> Event | None:
        """Return the event of a row; None if it was seen, or its customer or time is unknown."""
        identifier = values[self.contract.primary_key[0]] if self.contract.primary_key else None
        if identifier is not None and self._is_repeated(identifier):
            return None
        customer, at = self._keys.customer(tokens), self._of_role("event_time", values)
        if customer is None or not isinstance(at, datetime):
            return None
        product = self._of_role("product_id", values)
        touchpoint = self.contract.touchpoint
        return Event(
            customer, at,
            self._of_role("event_type", values) or (touchpoint.event_type if touchpoint else None) or "unknown",
            self._of_role("channel", values) or (touchpoint.channel if touchpoint else None) or "unknown",
            int(product) if product is not None and product.isdecimal() and len(product) < 19 else None,
            self._of_role("session_id", values),
        )  # fmt: skip

    def _of_role(self, role: str, values: Mapping[str, Any]) -> Any:
        return values.get(self._roles[role]) if role in self._roles else None

    def _is_repeated(self, identifier: str) -> bool:
        if identifier in self._seen:
            return True
        self._seen[identifier] = None
        if len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return False
