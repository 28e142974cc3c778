"""Builds silver/identifier: the customer of each matching key.

Customers are found by exact keys, by probabilistic matching of register entries and by stewards' decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
from pyspark.sql import DataFrame

from pipelines.derived_table.table import PREVIOUS, BuildContext, Tables
from pipelines.register.decision import Decision, Key, from_rows, read_keys
from pipelines.register.exact_linker import Clusters, ExactLinker
from pipelines.register.id_assignment import Claim
from pipelines.register.key_assignment import Past, assign
from pipelines.register.key_index import key_text, positions
from pipelines.register.record import Records
from pipelines.unify.identity_record import read_records

DECISION = "silver/identity_decision"
EVENT = "silver/identity_event"
MODEL = "silver/identity_model"
SKETCH = "silver/identity_sketch"
EVIDENCE = "records"
"""Value of `changed_by` if the records, and not a steward, changed the customer of a key."""
_SCHEMA = (
    "token_kind string, token string, customer_id string, method string, confidence double, record_count bigint, "
    "previous_customer_id string, changed_at timestamp_ntz, changed_by string, last_seen_at timestamp_ntz"
)
_BEFORE = {"token_kind": "kind", "customer_id": "former", "previous_customer_id": "earlier", "changed_at": "since"}
_EPOCH = datetime(1970, 1, 1)


def build(tables: Tables, context: BuildContext) -> DataFrame:
    """Return one row per matching key with its customer.

    Where the customer of a key is unchanged, `previous_customer_id`, `changed_at` and `changed_by` keep their values.
    """
    records, newest = read_records(tables, context.contracts)
    decisions = from_rows(tables[DECISION].toPandas())
    previous = tables[PREVIOUS].toPandas()
    clusters = _link(records, previous.rename(columns={"token_kind": "kind"}), decisions, tables, context)
    change = Change(records, clusters, decisions, tables[EVENT].toPandas(), newest)
    return context.spark.createDataFrame(apply_change(previous, change, context.id_factory), _SCHEMA)


@dataclass(frozen=True)
class Change:
    """Inputs from which one build of silver/identifier computes the changed rows.

    Attributes:
        records: the matching keys of all records.
        clusters: the clusters of the records.
        decisions: all decisions of stewards.
        events: all rows of silver/identity_event.
        newest: load time of the newest record; None if there are no records.
    """

    records: Records
    clusters: Clusters
    decisions: Sequence[Decision]
    events: pd.DataFrame
    newest: datetime | None


def apply_change(previous: pd.DataFrame, change: Change, id_factory: Callable[[], str]) -> pd.DataFrame:
    """Return the new rows of silver/identifier, given its previous rows and the inputs of the build."""
    decisions, newest = change.decisions, change.newest
    before = previous.rename(columns=_BEFORE | {"changed_by": "cause", "last_seen_at": "seen"})
    known = before.rename(columns={"former": "customer_id"})
    past = Past(_retired(change.events), _claims(decisions, known))
    placed = assign(change.records, change.clusters, known, id_factory, past)
    position = positions(key_text(before["kind"], before["token"]), key_text(placed["kind"], placed["token"]))
    former = before[["former", "earlier", "since", "cause"]].reset_index(drop=True)
    # A new key has the position -1, which `reindex` turns into null: it has no former customer.
    frame = pd.concat([placed, former.reindex(position).reset_index(drop=True)], axis=1)
    moved = frame["former"].notna() & (frame["former"] != frame["customer_id"])
    at = _changed_at(newest, decisions, before, any_moved=bool(moved.any()))
    frame["previous_customer_id"] = frame["former"].where(moved, frame["earlier"])
    frame["changed_at"] = frame["since"].where(frame["since"].notna() & ~moved, at)
    frame["changed_by"] = frame["cause"].where(~moved, _causes(frame, known, decisions))
    rows = frame.rename(columns={"kind": "token_kind"})[[part.split()[0] for part in _SCHEMA.split(", ")]]
    return _without_nan(rows)


def _link(
    records: Records, known: pd.DataFrame, decisions: Sequence[Decision], tables: Tables, context: BuildContext
) -> Clusters:
    if context.matching is None:
        return ExactLinker().link(records)
    # Splink takes a second to import; a run without changes does not need it.
    from pipelines.matching.model_json import read_model
    from pipelines.matching.resolution import Options
    from pipelines.register.person_linker import PersonLinker

    models = tables[MODEL].orderBy("trained_at").toPandas()["parameters"]
    model = read_model(models.iloc[-1]) if len(models) else None
    with context.matching.people() as persons:
        linker = PersonLinker(persons, known, model, decisions, context.matching.options or Options())
        clusters = linker.link(records)
        found = clusters.matching
        if found is not None and found.sketches is not None:
            sketches = found.sketches
            context.matching.sketches = persons.book.rows_for_next_run(persons.frame, sketches.values, sketches.layout)
    context.matching.matching = found
    return clusters


def _changed_at(
    newest: datetime | None, decisions: Sequence[Decision], before: pd.DataFrame, *, any_moved: bool
) -> datetime:
    """Return the time of this build's changes: of the newest record or decision, but later than all earlier changes."""
    at = max([newest or _EPOCH, *(decision.decided_at for decision in decisions)])
    last = before["since"].max() if len(before) else pd.NaT
    if any_moved and pd.notna(last) and at <= last:
        return pd.Timestamp(last).to_pydatetime() + timedelta(microseconds=1)
    return at


def _causes(frame: pd.DataFrame, known: pd.DataFrame, decisions: Sequence[Decision]) -> pd.Series:
    """Return the cause of each key's change: the newest decision about both of its customers, otherwise EVIDENCE."""
    causes = pd.Series(EVIDENCE, index=frame.index, dtype=object)
    if not decisions:
        return causes
    former, current = _customers(known), _customers(frame)
    for decision in decisions:
        concerned = {owner.get(key) for key in (*decision.left, *decision.right) for owner in (former, current)} - {
            None
        }
        causes[frame["former"].isin(concerned) & frame["customer_id"].isin(concerned)] = decision.decision_id
    return causes


def _claims(decisions: Sequence[Decision], known: pd.DataFrame) -> tuple[Claim, ...]:
    """Return the customer ids that undone events give back to keys, without those already given back."""
    if not any(decision.event_id for decision in decisions):
        return ()
    former = _customers(known)
    claims: list[Claim] = []
    for decision in reversed(decisions):
        is_done = decision.left_customer_id in {former.get(key) for key in decision.left}
        if decision.event_id is not None and not is_done:
            claims.append(Claim(decision.left, decision.left_customer_id))
            claims.append(Claim(decision.right, decision.right_customer_id))
    return tuple(claims)


def _retired(events: pd.DataFrame) -> dict[str, tuple[Key, ...]]:
    """Return for each customer id that lost keys the keys of its last loss."""
    ordered = events.sort_values("occurred_at")
    return {
        customer_id: read_keys(keys)
        for customer_id, keys in zip(ordered["from_customer_id"], ordered["moved_keys"], strict=True)
        if keys
    }


def _customers(keys: pd.DataFrame) -> dict[Key, str]:
    return dict(zip(zip(keys["kind"], keys["token"], strict=True), keys["customer_id"], strict=True))


def _without_nan(frame: pd.DataFrame) -> pd.DataFrame:
    clean = frame.copy()
    for name in ("customer_id", "method", "previous_customer_id", "changed_by"):
        clean[name] = clean[name].astype(object).where(clean[name].notna(), None)
    for name in ("changed_at", "last_seen_at"):
        clean[name] = pd.to_datetime(clean[name]).astype("datetime64[us]")
    return clean
