"""Reads of random small tables are equal on Arrow and on Spark: nulls, repeated keys, every purpose, day and night."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from installation.access.arrow_table import ArrowTables
from installation.contract.document import load_contracts
from pipelines.access.spark_table import SparkTables
from pipelines.engine.session import Engine
from privacy.access.pseudonym import record_pseudonyms
from privacy.access.reader import TableReader
from privacy.access.role import Role, Roles
from privacy.audit import AuditLog
from privacy.consent.live_decision import LiveDecisions
from privacy.consent.state import State
from privacy.consent.view import ConsentView
from privacy.contract.document import Document
from tests.pipelines.consent.test_current_permission import POLICY, Shop
from tests.privacy.consent.test_store import NOON, record

TOKENISED, KEYED = "bronze/nps_survey", "gold/customer_lifestyle"
CUSTOMERS = [f"c_{number}" for number in range(8)]
TOKENS = [f"t_{number}" for number in range(6)]
NIGHT = NOON.replace(hour=23) + timedelta(days=1)


@dataclass(frozen=True)
class OpenContracts:
    """Contracts whose columns serve every purpose, so that a read for each of them is possible."""

    def table(self, name: str) -> Document:
        contract = load_contracts().table(name)
        return replace(contract, columns=tuple(replace(c, purposes=POLICY.purposes) for c in contract.columns))


@pytest.fixture
def shop(sail: Engine, tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path, sail)
    yield made
    made.store.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    with closing(AuditLog(tmp_path / "audit.db", tmp_path / "anchor", bytes(32))) as opened:
        yield opened


def readers(shop: Shop, log: AuditLog, moment: datetime) -> tuple[TableReader[pa.Table], TableReader[Any]]:
    opened = shop.view().open
    decisions = LiveDecisions(shop.store, POLICY, "Shop")
    reads = Role(
        meaning="reads all", purposes=POLICY.purposes, tables=("*/*",), identifiers=("quasi", "sensitive", "none"),
        subjects="pseudonymised",
    )  # fmt: skip
    rest: Any = (
        OpenContracts(), Roles(roles={"all": reads}), POLICY, lambda: moment, log, bytes(32), "somebody",
        lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    on_spark = SparkTables(shop.lakehouse, lambda at: ConsentView(opened, POLICY, "Shop", at))
    on_arrow = ArrowTables(shop.lakehouse, POLICY, lambda: decisions)
    return TableReader(on_arrow, *rest), TableReader(on_spark, *rest)


def write_tables(shop: Shop, dice: random.Random, rows: int) -> None:
    keys = [
        (dice.choice(("member_no", "card_no")), dice.choice([*TOKENS, None]), dice.choice(CUSTOMERS)) for _ in range(9)
    ]
    names = ("token_kind", "token", "customer_id")
    identifier = {
        name: pa.array(column, pa.string()) for name, column in zip(names, zip(*keys, strict=True), strict=True)
    }
    shop.lakehouse.overwrite_rows("silver/identifier", pa.table(identifier))
    some = range(rows)
    answers = {
        "response_id": pa.array([f"r{number}" for number in some], pa.string()),
        "member_no_token": pa.array([dice.choice([*TOKENS, "t_unknown", None]) for _ in some], pa.string()),
        "asked_at": pa.array([NOON if dice.random() < 0.7 else None for _ in some], pa.timestamp("us")),
        "score": pa.array([dice.choice([1, None]) for _ in some], pa.int32()),
    }
    shop.lakehouse.overwrite_rows(TOKENISED, pa.table(answers))
    profiles = {
        "customer_id": pa.array([dice.choice([*CUSTOMERS, "c_unknown", None]) for _ in some], pa.string()),
        "surveyed_on": pa.array([NOON.date() if dice.random() < 0.7 else None for _ in some], pa.date32()),
        "hobbies": pa.array([dice.choice(["a > b", "", None]) for _ in some], pa.string()),
    }
    shop.lakehouse.overwrite_rows(KEYED, pa.table(profiles))


def speak(shop: Shop, dice: random.Random, at: datetime) -> None:
    """Record random statements about several purposes, and move some source persons."""
    for subject in dice.sample([*CUSTOMERS, "s_0", "s_1", "s_2"], 7):
        purpose = dice.choice(["marketing", "marketing", "night_advertising", "advertising_message", "analytics"])
        shop.store.append(
            [record(subject, dice.choice([State.GIVEN, State.GIVEN, State.WITHDRAWN]), at, purpose=purpose)]
        )
        if dice.random() < 0.4:
            stop = dice.choice([State.OBJECTED, State.RESTRICTED, State.OBJECTION_LIFTED, State.RESTRICTION_LIFTED])
            shop.store.append([record(subject, stop, at, purpose=dice.choice(["*", purpose]))])
    for subject in ("s_0", "s_1", "s_2"):
        shop.store.assign(subject, dice.choice(CUSTOMERS), at)


def shown(read: Any) -> tuple[list[str], list[dict[str, Any]]]:
    frame = read.frame if isinstance(read.frame, pa.Table) else read.frame.toArrow()
    return frame.column_names, sorted(frame.to_pylist(), key=repr)


@pytest.mark.parametrize("seed", range(3))
def test_both_backends_return_equal_rows_of_random_tables(shop: Shop, log: AuditLog, seed: int) -> None:
    dice = random.Random(seed)
    write_tables(shop, dice, rows=(0, 25, 40)[seed])
    speak(shop, dice, NOON)
    shop.build()
    speak(shop, dice, NOON + timedelta(hours=1))
    for moment in (NOON + timedelta(days=1), NIGHT):
        arrow, spark = readers(shop, log, moment)
        for purpose in [*dice.sample(POLICY.purposes, 5), "advertising_message"]:
            table = dice.choice([TOKENISED, KEYED])
            columns = ["response_id", "asked_at", "score"] if table == TOKENISED else ["customer_id", "hobbies"]
            one, other = (reader.read(table, "all", purpose, [*columns, columns[0]]) for reader in (arrow, spark))
            assert (one.plan, one.subjects) == (other.plan, other.subjects), (purpose, moment)
            assert shown(one) == shown(other), (purpose, moment)
            for limit in (0, 3):
                few = [shown(reader.read(table, "all", purpose, columns, limit)) for reader in (arrow, spark)]
                assert few[0][0] == few[1][0]
                assert {len(rows) for _, rows in few} == {min(limit, one.frame.num_rows)}
                assert [row for _, rows in few for row in rows if row not in shown(one)[1]] == []


def test_a_matching_key_of_two_customers_leads_to_neither_and_repeats_no_row(shop: Shop, log: AuditLog) -> None:
    keys = {
        "token_kind": ["member_no"] * 4,
        "token": ["t_1", "t_1", "t_2", "t_2"],
        "customer_id": ["c_1", "c_2", "c_3", "c_3"],
    }
    shop.lakehouse.overwrite_rows("silver/identifier", pa.table(keys))
    rows = {"response_id": ["r_1", "r_2", "r_3"], "member_no_token": ["t_1", "t_2", None]}
    shop.lakehouse.overwrite_rows(TOKENISED, pa.table(rows))
    shop.store.append([record(name, State.GIVEN) for name in ("c_1", "c_2", "c_3")])
    shop.store.assign("s_1", "c_1", NOON)
    shop.build()
    for reader in readers(shop, log, NOON + timedelta(days=1)):
        for purpose, expected in (("marketing", ["r_2"]), ("quality_assurance", ["r_1", "r_2", "r_3"])):
            read = reader.read(TOKENISED, "all", purpose, ["response_id"])
            names = record_pseudonyms(bytes(32), "all", purpose, expected)
            assert sorted(row["response_id"] for row in shown(read)[1]) == sorted(names[one] for one in expected)
            assert read.subjects == 1
