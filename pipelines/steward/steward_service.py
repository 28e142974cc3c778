"""Records a steward's decisions about customers in the lakehouse; the next run applies them. Needs no engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import pyarrow as pa

from installation.contract.document import Contracts
from installation.lakehouse.lakehouse import Lakehouse
from pipelines.register.customer_id import opaque_ids
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
from pipelines.register.record import KINDS

DECISION, EVENT, IDENTIFIER = "silver/identity_decision", "silver/identity_event", "silver/identifier"
TOKEN_LENGTH = 64
KEY_COLUMNS = ("token_kind", "token", "customer_id", "changed_at")


@dataclass(frozen=True)
class NamedPerson:
    """A person named by a steward: the person's matching keys, and the customer id that they have now."""

    keys: tuple[Key, ...]
    customer_id: str


@dataclass(frozen=True)
class StewardService:
    """Finds customers, and records a steward's decisions in silver/identity_decision.

    Attributes:
        lakehouse: where the tables are.
        contracts: state which number identifies a row of each source.
        token: returns the token of a kind and value, see `privacy.protection.token`; None if the value is not valid.
        clock: returns the local wall time.
        steward: account of the steward.
    """

    lakehouse: Lakehouse
    contracts: Contracts
    token: Callable[[str, str], str | None]
    clock: Callable[[], datetime]
    steward: str

    def find(self, reference: str) -> NamedPerson:
        """Return the person that a reference names: a customer id, `kind:value`, `kind:token` or `source:number`.

        Raises:
            DecisionError: there is no such person, or the person has only keys that may change owners, such as a phone.
        """
        keys = self._keys()
        if ":" not in reference:
            own = keys[keys["customer_id"] == reference]
            if own.empty:
                raise DecisionError(
                    f"No customer {reference}; expected a customer id or kind:value, for example member_no:M000000001."
                )
            lasting = lasting_keys(zip(own["token_kind"], own["token"], strict=True))
            if not lasting:
                raise DecisionError(
                    f"{reference} has no member or card number, e-mail or name with phone. A decision needs one of "
                    "them; name another customer."
                )
            return NamedPerson(lasting, reference)
        key = self._key(reference)
        owner = keys.loc[(keys["token_kind"] == key[0]) & (keys["token"] == key[1]), "customer_id"]
        if owner.empty:
            raise DecisionError(
                f"No customer has that {key[0]}. Check the value. If it is right, its row may be in quarantine, or "
                "`bojagi run` has not loaded it yet."
            )
        return NamedPerson((key,), str(owner.iloc[0]))

    def keys_of(self, customer_id: str) -> tuple[Key, ...]:
        """Return all matching keys of a customer."""
        keys = self._keys()
        own = keys[keys["customer_id"] == customer_id]
        return tuple(zip(own["token_kind"], own["token"], strict=True))

    def decide(self, verdict: Verdict, first: str, second: str, reason: str) -> Decision:
        """Record that two references are the same person (`same`) or different people (`different`).

        Raises:
            DecisionError: a reference names no person, both share a key, or the reason is not valid.
        """
        left, right = self.find(first), self.find(second)
        if set(left.keys) & set(right.keys):
            raise DecisionError(
                "Both references name the same record. Name two records, for example by their member numbers."
            )
        return self._record(verdict, left, right, reason)

    def revert(self, event_id: str, reason: str) -> tuple[Decision, ...]:
        """Record the decisions that undo an event: its keys get back the customer id that they had before.

        Raises:
            DecisionError: there is no such event, or the customer on the other side has no keys left.
        """
        events = self.lakehouse.rows(EVENT).to_pandas()
        found = events[events["event_id"] == event_id]
        if found.empty:
            raise DecisionError(f"No event {event_id}; `bojagi identity events` lists all events.")
        event = found.iloc[0]
        origin, target = str(event["from_customer_id"]), str(event["to_customer_id"])
        moved = read_keys(event["moved_keys"])
        back = NamedPerson(lasting_keys(moved), origin)
        made = []
        if event["event_type"] in ("merge", "move"):
            made.append(
                self._record("different", back, self._remaining(target, moved, event["occurred_at"]), reason, event_id)
            )
        if event["event_type"] in ("split", "move"):
            made.append(
                self._record("same", back, self._remaining(origin, moved, event["occurred_at"]), reason, event_id)
            )
        return tuple(made)

    def decisions(self) -> tuple[Decision, ...]:
        """Return all decisions, the earliest first."""
        if not self.lakehouse.exists(DECISION):
            return ()
        return from_rows(self.lakehouse.rows(DECISION).to_pandas())

    def events(self) -> pd.DataFrame:
        """Return all merges, splits and moves of customers, the earliest first, without the keys that moved."""
        rows: pd.DataFrame = self.lakehouse.rows(EVENT).to_pandas()
        return rows.drop(columns="moved_keys").sort_values(["occurred_at", "event_id"], ignore_index=True)

    def _remaining(self, customer_id: str, moved: tuple[Key, ...], occurred_at: pd.Timestamp) -> NamedPerson:
        keys = remaining_keys(self._keys(), customer_id, moved, occurred_at)
        if not keys:
            raise DecisionError(
                f"The event was not undone: {customer_id} has no keys other than those of the event. "
                "See later events with `bojagi identity events`."
            )
        return NamedPerson(keys, customer_id)

    def _key(self, reference: str) -> Key:
        kind, _, value = reference.partition(":")
        for contract in self.contracts.sources:
            if contract.name == kind and contract.subject_key is not None:
                kind = contract.column(contract.subject_key).token or kind
        if kind not in KINDS:
            expected = ", ".join(KINDS)
            raise DecisionError(
                f"Unknown kind {kind}; expected {expected}, or the name of a source with a member number."
            )
        if len(value) == TOKEN_LENGTH and set(value) <= set("0123456789abcdef"):
            return kind, value
        token = self.token(kind, value)
        if token is None:
            raise DecisionError(f"The value is not a valid {kind}; expected for example member_no:M000000001.")
        return kind, token

    def _keys(self) -> pd.DataFrame:
        keys: pd.DataFrame = self.lakehouse.rows(IDENTIFIER, KEY_COLUMNS).to_pandas()
        return keys

    def _record(
        self, verdict: Verdict, left: NamedPerson, right: NamedPerson, reason: str, event_id: str | None = None
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
        """Return the current time, but at least one microsecond after the last decision."""
        now = self.clock().replace(tzinfo=None)
        return max([now, *(decision.decided_at + timedelta(microseconds=1) for decision in self.decisions())])


def remaining_keys(
    keys: pd.DataFrame, customer_id: str, moved: Iterable[Key], occurred_at: datetime
) -> tuple[Key, ...]:
    """Return the lasting keys of a customer, without those that an event moved; see `lasting_keys`.

    Keys that the customer had before the event are preferred, because keys that came with the event or later have
    nothing to do with it. Without such keys all current keys are used.

    Args:
        keys: the columns KEY_COLUMNS of silver/identifier.
        customer_id: the customer.
        moved: the keys that the event moved.
        occurred_at: time of the event.
    """
    own = keys[keys["customer_id"] == customer_id]
    before = own[own["changed_at"] < occurred_at]
    for candidates in (before, own):
        left = set(zip(candidates["token_kind"], candidates["token"], strict=True)) - set(moved)
        if lasting_keys(left):
            return lasting_keys(left)
    return ()
