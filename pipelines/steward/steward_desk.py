"""Where a steward works: names two people, says why, and the next run obeys. Needs no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.register.decision import (
    Decision,
    DecisionError,
    Key,
    Verdict,
    as_rows,
    check_reason,
    from_rows,
    lasting_keys,
    read_keys,
)
from pipelines.register.opaque_id import opaque_ids
from pipelines.register.record import KINDS

DECISION, EVENT, IDENTIFIER = "silver/identity_decision", "silver/identity_event", "silver/identifier"
TOKEN_LENGTH = 64
KEY_COLUMNS = ("token_kind", "token", "customer_id", "changed_at")


@dataclass(frozen=True)
class Named:
    """Somebody a steward named: the keys that stand for them, and whose they are now."""

    keys: tuple[Key, ...]
    customer_id: str


@dataclass(frozen=True)
class StewardDesk:
    """Records decisions in silver/identity_decision.

    Attributes:
        lakehouse: where the tables are.
        contracts: which number names a row of which source.
        token: makes the token of a kind and value, see `privacy.protection.token`; None for what is no such value.
        clock: local wall time.
        steward: account of who decides.
    """

    lakehouse: Lakehouse
    contracts: Contracts
    token: Callable[[str, str], str | None]
    clock: Callable[[], datetime]
    steward: str

    def find(self, reference: str) -> Named:
        """Return whom a reference means: a customer id, `kind:value`, `kind:token` or `source:number`.

        Raises:
            DecisionError: nobody, or somebody without any key that lasts.
        """
        keys = self._keys()
        if ":" not in reference:
            own = keys[keys["customer_id"] == reference]
            if own.empty:
                raise DecisionError(f"No customer {reference}; expected a customer id, or kind:value as member_no:…")
            lasting = lasting_keys(zip(own["token_kind"], own["token"], strict=True))
            if not lasting:
                raise DecisionError(f"{reference} has no member or card number, e-mail or name with phone to go by.")
            return Named(lasting, reference)
        key = self._key(reference)
        owner = keys.loc[(keys["token_kind"] == key[0]) & (keys["token"] == key[1]), "customer_id"]
        if owner.empty:
            raise DecisionError(f"No customer holds that {key[0]}; see whether its row is in quarantine.")
        return Named((key,), str(owner.iloc[0]))

    def decide(self, verdict: Verdict, first: str, second: str, reason: str) -> Decision:
        """Record that two references are one person, or are not.

        Raises:
            DecisionError: one names nobody, both name the same keys, or the reason will not do.
        """
        left, right = self.find(first), self.find(second)
        if set(left.keys) & set(right.keys):
            raise DecisionError("Both references name the same record; name two, as kind:value.")
        return self._record(verdict, left, right, reason)

    def revert(self, event_id: str, reason: str) -> tuple[Decision, ...]:
        """Record what undoes an event: its keys go back, with the identifier that they had.

        Raises:
            DecisionError: there is no such event, or nothing is left of one side.
        """
        events = self.lakehouse.rows(EVENT).to_pandas()
        found = events[events["event_id"] == event_id]
        if found.empty:
            raise DecisionError(f"No event {event_id}; `bojagi identity events` lists them.")
        event = found.iloc[0]
        origin, target = str(event["from_customer_id"]), str(event["to_customer_id"])
        moved = read_keys(event["moved_keys"])
        back = Named(lasting_keys(moved), origin)
        made = []
        if event["event_type"] in ("merge", "move"):
            made.append(
                self._record("different", back, self._rest(target, moved, event["occurred_at"]), reason, event_id)
            )
        if event["event_type"] in ("split", "move"):
            made.append(self._record("same", back, self._rest(origin, moved, event["occurred_at"]), reason, event_id))
        return tuple(made)

    def decisions(self) -> tuple[Decision, ...]:
        """Return all decisions, the earliest first."""
        if not self.lakehouse.exists(DECISION):
            return ()
        return from_rows(self.lakehouse.rows(DECISION).to_pandas())

    def events(self) -> pd.DataFrame:
        """Return the recorded changes of customers, the earliest first, without the keys that moved."""
        rows: pd.DataFrame = self.lakehouse.rows(EVENT).to_pandas()
        return rows.drop(columns="moved_keys").sort_values(["occurred_at", "event_id"], ignore_index=True)

    def _rest(self, customer_id: str, moved: tuple[Key, ...], occurred_at: pd.Timestamp) -> Named:
        rest = rest_of(self._keys(), customer_id, moved, occurred_at)
        if not rest:
            raise DecisionError(f"Nothing is left of {customer_id} to part from or to join; the event stands.")
        return Named(rest, customer_id)

    def _key(self, reference: str) -> Key:
        kind, _, value = reference.partition(":")
        for contract in self.contracts.sources:
            if contract.name == kind and contract.subject_key is not None:
                kind = contract.column(contract.subject_key).token or kind
        if kind not in KINDS:
            expected = ", ".join(KINDS)
            raise DecisionError(
                f"Got the kind {kind}; expected {expected}, or the name of a source with a member number."
            )
        if len(value) == TOKEN_LENGTH and set(value) <= set("0123456789abcdef"):
            return kind, value
        token = self.token(kind, value)
        if token is None:
            raise DecisionError(f"That is no {kind}; expected for example member_no:M000000001.")
        return kind, token

    def _keys(self) -> pd.DataFrame:
        keys: pd.DataFrame = self.lakehouse.rows(IDENTIFIER, KEY_COLUMNS).to_pandas()
        return keys

    def _record(
        self, verdict: Verdict, left: Named, right: Named, reason: str, event_id: str | None = None
    ) -> Decision:  # fmt: skip
        decision = Decision(
            "d" + opaque_ids()()[1:],
            self._now(),
            verdict,
            left.keys,
            right.keys,
            check_reason(reason),
            self.steward,
            left.customer_id,
            right.customer_id,
            holds_together=event_id is not None and verdict == "different",
            event_id=event_id,
        )
        schema = self.contracts.table(DECISION).arrow_schema()
        rows = pa.Table.from_pylist(as_rows([decision]).to_dict("records"), schema=pa.schema(schema))
        self.lakehouse.append_rows(DECISION, rows)
        return decision

    def _now(self) -> datetime:
        """The time now; later than any decision before, also when the clock stands."""
        now = self.clock().replace(tzinfo=None)
        return max([now, *(decision.decided_at + timedelta(microseconds=1) for decision in self.decisions())])


def rest_of(keys: pd.DataFrame, customer_id: str, moved: Iterable[Key], occurred_at: datetime) -> tuple[Key, ...]:
    """Return who was with a customer before an event and still is, by keys that last; else who is with it now.

    Whoever came by the same event, or later, has no part in what it undid.

    Args:
        keys: KEY_COLUMNS of silver/identifier.
        customer_id: whose.
        moved: the keys that the event moved.
        occurred_at: when it did.
    """
    own = keys[keys["customer_id"] == customer_id]
    before = own[own["changed_at"] < occurred_at]
    for held in (before, own):
        left = set(zip(held["token_kind"], held["token"], strict=True)) - set(moved)
        if lasting_keys(left):
            return lasting_keys(left)
    return ()
