"""A simulated town for tests: people with member numbers, a matcher with given match weights, and successive runs."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa

from pipelines.matching.scoring import ScoredPairs
from pipelines.register.customer_id import opaque_ids
from pipelines.register.decision import Decision, Key, Verdict, lasting_keys, read_keys
from pipelines.register.entry_matching import Matching
from pipelines.register.person_linker import PersonLinker
from pipelines.register.record import KINDS, Records
from pipelines.register.register_entry import RegisterEntries
from pipelines.steward.steward_service import remaining_keys
from pipelines.unify.identifier import Change, apply_change
from privacy.consent.rows import MEMBERSHIP_SCHEMA

START = datetime(2017, 1, 1)
NOTHING = pd.DataFrame(
    columns=["token_kind", "token", "customer_id", "method", "confidence", "record_count", "previous_customer_id",
             "changed_at", "changed_by", "last_seen_at"]
)  # fmt: skip
EVENT_COLUMNS = ["event_id", "event_type", "from_customer_id", "to_customer_id", "occurred_at", "moved_keys"]
Weights = Mapping[tuple[int, int], float]


def register_entries(count: int, seen_at: datetime = START, born: Mapping[int, str] | None = None) -> RegisterEntries:
    """Return register entries m0, m1, …; their values do not matter, because the matcher has given weights."""
    rows = [{"kind": "member_no", "token": f"m{n}", "source": "crm", "seen_at": seen_at, "name": f"n{n}",
             "birth_date": (born or {}).get(n)} for n in range(count)]  # fmt: skip
    return RegisterEntries.of(pd.DataFrame(rows).astype({"seen_at": "datetime64[us]"}))


def records_of(*rows: Mapping[str, object], loaded_at: datetime = START) -> Records:
    base = dict.fromkeys(KINDS) | {"source": "s", "is_principal": False, "record_count": 1, "loaded_at": loaded_at}
    return Records.of(pd.DataFrame([base | dict(row) for row in rows], columns=list(base)))


@dataclass(frozen=True)
class KnownWeights:
    """A matcher that returns the given weights and reaches all entries."""

    weights: Weights

    def __call__(self, persons, group, fresh, touched, model, options) -> Matching:
        ends = [pair for pair in sorted(self.weights) if max(pair) < len(persons)]
        left, right = (np.array([pair[side] for pair in ends], dtype=np.int64) for side in (0, 1))
        pairs = ScoredPairs(left, right, np.array([self.weights[pair] for pair in ends]))
        return Matching(pairs, np.ones(len(persons), dtype=bool))


@dataclass
class Town:
    """Successive runs with their tables. Events are derived by comparing the tables, independently of the product."""

    persons: RegisterEntries
    records: Records
    weights: Weights
    decisions: list[Decision] = field(default_factory=list)
    rows: pd.DataFrame = field(default_factory=lambda: NOTHING)
    recorded: list[dict[str, object]] = field(default_factory=list)
    ids: random.Random = field(default_factory=lambda: random.Random(7))

    @property
    def events(self) -> pd.DataFrame:
        return pd.DataFrame(self.recorded, columns=EVENT_COLUMNS)

    def run(self) -> dict[Key, str]:
        """Refresh the identifiers and return the customer of each key."""
        known = self.rows.rename(columns={"token_kind": "kind"})
        linker = PersonLinker(self.persons, known, None, self.decisions, match=KnownWeights(self.weights))
        change = Change(self.records, linker.link(self.records), self.decisions, self.events, START)
        self.rows = apply_change(self.rows, change, opaque_ids(self.ids.randbytes))
        self._record_events()
        return self.customers()

    def customers(self) -> dict[Key, str]:
        keys = zip(self.rows["token_kind"], self.rows["token"], strict=True)
        return dict(zip(keys, self.rows["customer_id"], strict=True))

    def decide(self, verdict: Verdict, left: Sequence[Key], right: Sequence[Key], **more: object) -> None:
        number, owner = len(self.decisions) + 1, self.customers()
        at = START + timedelta(hours=number)
        ids = {"left_customer_id": owner[left[0]], "right_customer_id": owner[right[0]], **more}
        self.decisions.append(
            Decision(f"d_{number:03}", at, verdict, tuple(left), tuple(right), "because", "me", **ids)
        )  # fmt: skip

    def revert(self, event: Mapping[str, str]) -> None:
        """Record the decisions that `StewardService.revert` records."""
        moved = read_keys(event["moved_keys"])
        back, origin, target = lasting_keys(moved), event["from_customer_id"], event["to_customer_id"]
        kind, name = event["event_type"], event["event_id"]
        if kind != "split":
            rest = remaining_keys(self.rows, target, moved, event["occurred_at"])
            self.decide("different", back, rest, holds_together=True, left_customer_id=origin,
                        right_customer_id=target, event_id=name)  # fmt: skip
        if kind != "merge":
            rest = remaining_keys(self.rows, origin, moved, event["occurred_at"])
            self.decide("same", back, rest, left_customer_id=origin, right_customer_id=origin, event_id=name)

    def _record_events(self) -> None:
        last = self.rows["changed_at"].max()
        moved = self.rows[self.rows["previous_customer_id"].notna() & (self.rows["changed_at"] == last)]
        known = {(event["from_customer_id"], event["occurred_at"]) for event in self.recorded}
        living, born = set(self.rows["customer_id"]), self.rows.groupby("customer_id")["changed_at"].min()
        for (origin, target), keys in moved.groupby(["previous_customer_id", "customer_id"]):
            if (origin, last) not in known:
                kind = "merge" if origin not in living else "split" if born[target] >= last else "move"
                text = ",".join(sorted(f"{k}:{t}" for k, t in zip(keys["token_kind"], keys["token"], strict=True)))
                values = (f"e_{len(self.recorded)}", kind, origin, target, last, text)
                self.recorded.append(dict(zip(EVENT_COLUMNS, values, strict=True)))


CONSENT_KIND = "member_no"
"""Kind of the key under which consent is given."""
BEGINNING = datetime(1970, 1, 1)


def membership_rows(identifiers: pd.DataFrame, events: pd.DataFrame) -> pa.Table:
    """Return rows of MEMBERSHIP_SCHEMA: the customer of each member number (by its token) over time.

    Args:
        identifiers: rows of silver/identifier.
        events: rows of silver/identity_event.
    """
    now = identifiers[identifiers["token_kind"] == CONSENT_KIND].set_index("token")["customer_id"]
    rows: dict[str, list[tuple[datetime, str]]] = {}
    for event in events.sort_values("occurred_at").to_dict("records"):
        for kind, token in read_keys(event["moved_keys"]):
            if kind == CONSENT_KIND:
                stays = rows.setdefault(token, [(BEGINNING, event["from_customer_id"])])
                stays.append((pd.Timestamp(event["occurred_at"]).to_pydatetime(), event["to_customer_id"]))
    for token, customer_id in zip(now.index.astype(str), now, strict=True):
        stays = rows.setdefault(token, [(BEGINNING, customer_id)])
        assert stays[-1][1] == customer_id
    listed = [
        {"subject_id": token, "customer_id": customer_id, "from_at": since}
        for token, stays in sorted(rows.items())
        for since, customer_id in stays
    ]
    return pa.Table.from_pylist(listed, schema=MEMBERSHIP_SCHEMA)
