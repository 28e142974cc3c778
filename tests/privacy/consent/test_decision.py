"""`frame` and `index` give the oracle's verdicts on random records; an oracle without one rule disagrees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipelines.engine.session import Engine
from privacy.consent.errors import UnknownPurposeError
from privacy.consent.frame import Permissions, permission_rows
from privacy.consent.index import DecisionIndex
from privacy.consent.policy import built_in_policy
from privacy.consent.rows import DECISIVE, MEMBERSHIP_SCHEMA, RECORD_SCHEMA
from privacy.consent.timeline import build_timeline
from tests.privacy.consent import history
from tests.privacy.consent.oracle import PURPOSES, Oracle

SCHEMA = pa.schema([RECORD_SCHEMA.field(column) for column in DECISIVE])
POLICY = built_in_policy()
BREAKABLE = ("night", "override", "merge", "expiry", "guardian", "separate", "rrn", "sensitive", "reconfirm",
             "own_refusal", "base_consent", "unread")  # fmt: skip


@dataclass
class Case:
    records: list[dict[str, Any]]
    membership: list[dict[str, Any]]
    questions: list[tuple[str, str, datetime]]
    known_at: datetime | None = None

    @property
    def tables(self) -> tuple[pa.Table, pa.Table]:
        return (
            pa.Table.from_pylist(self.records, schema=SCHEMA),
            pa.Table.from_pylist(self.membership, schema=MEMBERSHIP_SCHEMA),
        )

    def by_oracle(self, broken: str = "") -> list[bool]:
        oracle = Oracle(self.records, self.membership, history.CONTROLLER, self.known_at, broken)
        return [oracle.permitted(*question) for question in self.questions]

    def by_index(self) -> list[bool]:
        timeline = build_timeline(*self.tables, POLICY, history.CONTROLLER, self.known_at)
        index = DecisionIndex(timeline, POLICY)
        return [index.is_permitted(*question) for question in self.questions]

    def by_frame(self, engine: Engine) -> list[bool]:
        made = (engine.spark.createDataFrame(table) for table in self.tables)
        rows = permission_rows(*made, POLICY, history.CONTROLLER, self.known_at)
        permissions = Permissions(engine.spark.createDataFrame(rows.toArrow()), POLICY)
        answers = np.zeros(len(self.questions), dtype=bool)
        for purpose in POLICY.purposes:
            asked = [(i, who, at) for i, (who, what, at) in enumerate(self.questions) if what == purpose]
            if asked:
                number, who, at = (list(column) for column in zip(*asked, strict=True))
                moments = pa.array(at, pa.timestamp("us"))
                table = pa.table({"number": number, "customer_id": who, "at": moments})
                kept = permissions.permitted(engine.spark.createDataFrame(table), purpose, "at")
                answers[kept.select("number").toArrow()["number"].to_numpy()] = True
        return answers.tolist()


def draw(seed: int, subjects: int, questions: int, known_at: datetime | None = None) -> Case:
    rng = np.random.default_rng(seed)
    return Case(
        history.random_records(rng, subjects, 12),
        history.random_membership(rng, subjects),
        history.random_questions(rng, subjects, questions),
        known_at,
    )


def disagreements(ours: list[bool], theirs: list[bool]) -> int:
    return sum(a != b for a, b in zip(ours, theirs, strict=True))


def test_the_oracle_decides_on_every_purpose_of_the_policy() -> None:
    assert set(PURPOSES) == set(POLICY.purposes)


@pytest.mark.parametrize("seed", range(3))
def test_the_index_gives_the_same_verdicts_as_the_oracle(seed: int) -> None:
    case = draw(seed, subjects=300, questions=10_000)
    expected = case.by_oracle()
    assert 0.05 < np.mean(expected) < 0.95
    assert disagreements(case.by_index(), expected) == 0


def test_frame_and_index_give_the_same_verdicts_as_the_oracle(engine: Engine) -> None:
    case = draw(11, subjects=300, questions=8_000)
    expected = case.by_oracle()
    assert disagreements(case.by_frame(engine), expected) == 0
    assert disagreements(case.by_index(), expected) == 0


def test_verdicts_as_known_at_a_moment_are_the_oracles_and_differ_from_todays(sail: Engine) -> None:
    case = draw(12, subjects=200, questions=5_000, known_at=history.START + timedelta(days=900))
    expected = case.by_oracle()
    assert disagreements(case.by_frame(sail), expected) == 0
    assert disagreements(case.by_index(), expected) == 0
    everything = Case(case.records, case.membership, case.questions)
    assert disagreements(everything.by_oracle(), expected) > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_frame_and_index_agree_with_the_oracle_on_a_million_questions(sail: Engine) -> None:
    case = draw(2026, subjects=5_000, questions=1_000_000)
    expected = case.by_oracle()
    assert disagreements(case.by_index(), expected) == 0
    assert disagreements(case.by_frame(sail), expected) == 0


@pytest.mark.parametrize("rule", BREAKABLE)
def test_an_oracle_without_one_rule_disagrees_with_the_index(rule: str) -> None:
    case = draw(21, subjects=600, questions=30_000)
    assert disagreements(case.by_index(), case.by_oracle(broken=rule)) > 0


def test_a_faulty_record_never_permits_more_than_its_absence() -> None:
    case = draw(51, subjects=3_000, questions=100_000)
    with_faults = np.array(case.by_index())
    sound = Case([r for r in case.records if r["state"] != "unread"], case.membership, case.questions)
    without = np.array(sound.by_index())
    assert not (with_faults & ~without).any()
    assert (without & ~with_faults).sum() > 100
    # Negative control: a decision that skips what it cannot read permits what the rule denies.
    skipping = np.array(case.by_oracle(broken="unread"))
    assert (skipping & ~with_faults).any()


def test_permitted_keeps_null_customers_only_without_consent_and_flagged_gives_false(sail: Engine) -> None:
    case = draw(31, subjects=100, questions=0)
    rows = permission_rows(*(sail.spark.createDataFrame(table) for table in case.tables), POLICY, history.CONTROLLER)
    permissions = Permissions(sail.spark.createDataFrame(rows.toArrow()), POLICY)
    customers = [f"c_{i}" for i in range(100)] + [f"s_{i}" for i in range(100)] + [None]
    frame = sail.spark.createDataFrame(pa.table({"customer_id": customers}))
    oracle = Oracle(case.records, case.membership, history.CONTROLLER)
    for purpose in ("marketing", "advertising_message", "service_delivery"):
        for at in (datetime(2024, 5, 1, 12), datetime(2024, 5, 1, 22)):
            kept = set(permissions.permitted(frame, purpose, at).toArrow()["customer_id"].to_pylist())
            expected = {c for c in customers if c is not None and oracle.permitted(c, purpose, at)}
            # A null customer stays only for a purpose that does not rest on consent.
            assert kept == expected | ({None} if purpose == "service_delivery" else set())
            flagged = permissions.flagged(frame, purpose, at, "may", "customer_id").toArrow().to_pylist()
            assert len(flagged) == len(customers)
            assert {row["customer_id"] for row in flagged if row["may"]} == expected


def test_an_unknown_purpose_is_refused_by_index_and_frame(sail: Engine) -> None:
    case = draw(41, subjects=5, questions=0)
    index = DecisionIndex(build_timeline(*case.tables, POLICY, history.CONTROLLER), POLICY)
    with pytest.raises(UnknownPurposeError, match="expected one of service_delivery"):
        index.is_permitted("c_0", "curiosity", history.START)
    frame = sail.spark.createDataFrame(pa.table({"customer_id": ["c_0"]}))
    rows = sail.spark.createDataFrame([], "customer_id string, purpose string, from_at timestamp_ntz, "
                                          "until_at timestamp_ntz, verdict int")  # fmt: skip
    with pytest.raises(UnknownPurposeError):
        Permissions(rows, POLICY).permitted(frame, "curiosity", history.START)


def test_without_any_record_only_what_needs_no_consent_is_permitted() -> None:
    nothing = SCHEMA.empty_table()
    index = DecisionIndex(build_timeline(nothing, None, POLICY, "Bojagi Mart"), POLICY)
    at = datetime(2026, 1, 1, 12)
    permitted = {purpose for purpose in POLICY.purposes if index.is_permitted("c_1", purpose, at)}
    assert permitted == {p for p in POLICY.purposes if POLICY.permits_by_default(p)}
    assert "marketing" not in permitted
    assert not index.is_permitted("c_1" * 50, "marketing", at)
