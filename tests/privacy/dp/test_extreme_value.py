"""Values that an engine cannot compute with fall outside or are clipped, and never decide what a question costs."""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import functions as F

from pipelines.engine.session import Engine
from privacy.audit import AuditLog
from privacy.dp import bounded, condition
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.condition import keep
from privacy.dp.cost import cost_of_rho
from privacy.dp.errors import BadQuestion, QuestionFailed
from privacy.dp.ledger import Ledger
from privacy.dp.question import Key
from privacy.dp.release import DataSet, collect, read_question, release
from privacy.dp.sqlite_store import SqliteStore
from privacy.dp.trail import Trail

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ACCOUNT = BudgetAccount("t", "analytics", "cid")
BASE: dict[str, Any] = {"dataset": "t", "purpose": "analytics", "unit": "cid", "statistics": ["count"], "rho": 0.5}
DAYS = {"first": "2026-01-01", "last": "2026-01-31", "step": "month"}
MOST = 2**63 - 1
# The second value of each column is ordinary, so a question finds it whatever stands beside it.
EXTREME: dict[str, tuple[pa.DataType, list[Any]]] = {
    "date": (pa.date32(), [date.max, date(2026, 1, 5), date.min]),
    "day number": (pa.date32(), [2**31 - 1, date(2026, 1, 5), -(2**31)]),
    "time": (pa.timestamp("us"), [datetime(9999, 12, 31), datetime(2026, 1, 5), datetime(1, 1, 1)]),
    "zoned time": (pa.timestamp("us", "UTC"), [MOST, datetime(2026, 1, 5, tzinfo=UTC), -MOST]),
    "text": (pa.string(), ["9999-12-31", "2026-01-05", "", "-99999-01-01", "99999-01-01 00:00:00", "\u0000", "1e999"]),
    "number": (pa.float64(), [math.nan, 5.0, math.inf, -math.inf, 1e308, -1e308, 5e-324]),
    "whole number": (pa.int64(), [MOST, 5, -MOST - 1]),
    "decimal": (pa.decimal128(38, 2), [Decimal(10**35), Decimal(5), -Decimal(10**35)]),
    "boolean": (pa.bool_(), [True, True, False]),
}
LITERALS = ("2026-01-05", 5, 1e308, True)


def frame_of(engine: Engine, kind: str) -> Any:
    form, values = EXTREME[kind]
    if kind == "day number":
        # Python's dates end with the year 9999; a column's days do not.
        days = [value if isinstance(value, int) else (value - date(1970, 1, 1)).days for value in values]
        column = pa.array(days, pa.int32()).cast(form)
    elif kind == "zoned time":
        micros = [value if isinstance(value, int) else int(value.timestamp() * 1e6) for value in values]
        column = pa.array(micros, pa.int64()).cast(form)
    else:
        column = pa.array(values, form)
    return engine.spark.createDataFrame(pa.table({"cid": pa.array(range(len(values)), pa.int64()), "v": column}))


def questions() -> Iterator[dict[str, Any]]:
    yield {"group_by": [{"column": "v", "values": ["5", "true", "2026-01-05"]}]}
    yield {"group_by": [{"column": "v", "private": True}]}
    yield {"group_by": [{"column": "v", "days": DAYS}]}
    yield {"group_by": [{"column": "v", "days": DAYS | {"step": "week"}}], "bounds": {"rows": 4, "rows_per_group": 4}}
    yield {"group_by": [{"column": "v", "edges": [0, 10]}]}
    yield {"statistics": ["sum", "variance", "quantiles"], "measure": {"column": "v", "lower": 0, "upper": 10}}
    for literal in LITERALS:
        for operator in ("=", "!=", "<", ">="):
            yield {"where": [{"column": "v", "operator": operator, "value": literal}]}
        if not isinstance(literal, float):
            yield {"where": [{"column": "v", "operator": "in", "value": [literal]}]}


@pytest.mark.parametrize("kind", EXTREME)
def test_no_value_of_any_type_makes_the_engine_fail(engine: Engine, kind: str) -> None:
    frame = frame_of(engine, kind)
    answered = 0
    for form in questions():
        try:
            collect(read_question(BASE | form), frame)
        except BadQuestion:
            # Decided by the column's type, before a row is read.
            continue
        answered += 1
    assert answered >= 15


NESTED: dict[str, tuple[pa.DataType, list[Any]]] = {
    "bytes": (pa.binary(), [b"\xff", b"5"]),
    "list": (pa.list_(pa.int64()), [[1], None]),
    "record": (pa.struct([("a", pa.float64())]), [{"a": 5.0}, None]),
    "map": (pa.map_(pa.string(), pa.int64()), [[("a", 1)], []]),
}


@pytest.mark.parametrize("kind", NESTED)
def test_bytes_lists_and_records_are_refused_by_their_type(
    sail: Engine, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    form, values = NESTED[kind]
    column = pa.array(values, form)
    frame = sail.spark.createDataFrame(pa.table({"cid": pa.array([1, 2], pa.int64()), "v": column}))
    for asked in questions():
        with pytest.raises(BadQuestion, match="v has the type"):
            collect(read_question(BASE | asked), frame)
    # Negative control: an engine error, which for bytes depends on a row.
    monkeypatch.setattr(condition, "_PLAIN", (object,))
    with pytest.raises(Exception, match=r"cast|CAST|UTF-8"):
        for asked in ({"group_by": [{"column": "v", "private": True}]}, *list(questions())[-5:]):
            collect(read_question(BASE | asked), frame)


def test_a_date_beyond_the_range_of_days_falls_outside(engine: Engine) -> None:
    for kind in ("date", "time", "text", "zoned time"):
        form = BASE | {"group_by": [{"column": "v", "days": DAYS}]}
        exact, _ = collect(read_question(form), frame_of(engine, kind))
        assert {key: row["n"] for key, row in exact.items()} == {("2026-01-01",): 1}, kind


def old_key(key: Key) -> Any:
    """Truncates the time of every row, as it was before: the year 9999 is an error on Sail."""
    assert key.days is not None
    return F.date_format(F.date_trunc(key.days.step, F.col(key.column).try_cast("timestamp")), "yyyy-MM-dd")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    opened.set_limit(ACCOUNT, "ever", cost_of_rho(10), NOW)
    yield opened
    opened.close()


def test_an_engine_error_is_one_constant_refusal_that_is_paid_and_logged(
    sail: Engine, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded, "_key", old_key)
    log = AuditLog(tmp_path / "audit.db", tmp_path / "audit.anchor", bytes(32))
    trail, frame = Trail(log, "ha-neul", lambda: NOW, "analyst"), frame_of(sail, "date")
    messages = set()
    for rho, value in ((0.5, "2500-01-01"), (0.25, "1000-01-01")):
        where = [{"column": "v", "operator": ">", "value": value}]
        form = BASE | {"rho": rho, "where": where, "group_by": [{"column": "v", "days": DAYS}]}
        with pytest.raises(QuestionFailed) as failed:
            release(read_question(form), DataSet(frame), ledger, NOW, trail)
        assert failed.value.__cause__ is None
        assert failed.value.__suppress_context__
        messages.add(failed.value.message)
    assert len(messages) == 1
    assert ledger.balances(ACCOUNT, NOW)[0].spent.rho == pytest.approx(0.75)
    assert [entry.outcome for _, entry in log.entries()] == ["failed", "failed"]
    # The contrast: without the fault the same question is answered.
    monkeypatch.undo()
    assert release(read_question(form), DataSet(frame), ledger, NOW, trail).estimates
    log.close()


def test_days_that_no_engine_can_truncate_are_refused_before_a_row_is_read() -> None:
    for days in ({"first": "1600-01-01", "last": "1600-01-02"}, {"first": "9999-12-01", "last": "9999-12-31"}):
        with pytest.raises(BadQuestion, match="expected days from 1700-01-01"):
            read_question(BASE | {"group_by": [{"column": "v", "days": days}]})


def test_a_date_beyond_all_times_is_compared_as_the_nearest_time(engine: Engine) -> None:
    frame = frame_of(engine, "day number")
    late = read_question(BASE | {"where": [{"column": "v", "operator": ">", "value": "2026-01-05"}]})
    assert [row["cid"] for row in keep(frame, late.where).select("cid").collect()] == [0]
