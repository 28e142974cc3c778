"""A fit debits its budget before it reads a row, and the same fit costs once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import Cost, cost_of_rho
from privacy.dp.errors import BudgetRefused
from privacy.dp.ledger import Ledger
from privacy.dp.sqlite_store import SqliteStore
from privacy.storage.hash_chain import ChainHead
from privacy.synthetic.errors import BadSpecification, DamagedModel
from privacy.synthetic.estimate import estimate_history, estimate_table
from privacy.synthetic.fit import FitSetting, cost_of, fit_history, fit_model, fit_table
from privacy.synthetic.private_table import PrivateTable
from tests.privacy.synthetic.people import draw_events, draw_people, events_specification, people_specification

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ACCOUNT = BudgetAccount("gold/customer", "research")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    opened.set_limit(ACCOUNT, "ever", cost_of_rho(2.2 * cost_of(people_specification()).nano_rho / 1e9), NOW)
    yield opened
    opened.close()


def setting(ledger: Ledger, folder: Path, scope: str = "version 1") -> FitSetting:
    return FitSetting(ledger, ACCOUNT, scope, folder / f"{scope}.zip", b"k" * 32, NOW)


def left(ledger: Ledger) -> Cost:
    return ledger.balances(ACCOUNT, NOW)[0].left


def never() -> PrivateTable:
    raise AssertionError("the rows were read")


def test_a_fit_is_debited_and_recorded_once(ledger: Ledger, tmp_path: Path, table_model: PrivateTable) -> None:
    before = left(ledger).nano_rho
    model, record = fit_model(people_specification(), lambda: table_model, setting(ledger, tmp_path))
    assert before - left(ledger).nano_rho == record.nano_rho == cost_of(people_specification()).nano_rho
    assert ledger.contains(ChainHead(record.debit, record.digest))
    again, same = fit_model(people_specification(), never, setting(ledger, tmp_path))
    assert same == record
    assert before - left(ledger).nano_rho == record.nano_rho
    assert next(again.sample(5, 1)).equals(next(model.sample(5, 1)))  # type: ignore[union-attr]


def test_the_noise_of_a_fit_costs_no_more_than_its_debit(table_model: PrivateTable) -> None:
    mu = table_model.guarantee.mu
    assert mu is not None
    assert mu**2 / 2 <= cost_of(people_specification()).nano_rho / 1e9


def test_a_fit_beyond_the_budget_reads_no_row(ledger: Ledger, tmp_path: Path, table_model: PrivateTable) -> None:
    for scope in ("a", "b"):
        fit_model(people_specification(), lambda: table_model, setting(ledger, tmp_path, scope))
    with pytest.raises(BudgetRefused):
        fit_model(people_specification(), never, setting(ledger, tmp_path, "c"))


def test_the_debit_stays_when_a_fit_fails(ledger: Ledger, tmp_path: Path) -> None:
    before = left(ledger).nano_rho
    with pytest.raises(AssertionError):
        fit_model(people_specification(), never, setting(ledger, tmp_path))
    assert left(ledger).nano_rho == before - cost_of(people_specification()).nano_rho


def test_another_model_in_the_place_of_the_fitted_one_is_refused(
    ledger: Ledger, tmp_path: Path, table_model: PrivateTable
) -> None:
    one, other = setting(ledger, tmp_path, "one"), setting(ledger, tmp_path, "other")
    fit_model(people_specification(), lambda: table_model, one)
    poorer = PrivateTable(people_specification(), table_model.model, {}, {}, {"place": 1.0})
    fit_model(people_specification(), lambda: poorer, other)
    one.path.write_bytes(other.path.read_bytes())
    with pytest.raises(DamagedModel, match="is another model than the ledger recorded"):
        fit_model(people_specification(), never, one)


def test_a_table_that_does_not_fit_costs_nothing(ledger: Ledger, tmp_path: Path) -> None:
    before = left(ledger)
    people = draw_people(20, 1)
    with pytest.raises(BadSpecification, match="the table has no columns \\['age'\\]"):
        fit_table(people.drop_columns(["age"]), people_specification(), setting(ledger, tmp_path))
    text = people.set_column(3, "age", pa.array(["old"] * 20))
    with pytest.raises(BadSpecification, match="age holds string, expected numbers"):
        fit_table(text, people_specification(), setting(ledger, tmp_path))
    with pytest.raises(BadSpecification, match="the table has no column person, the privacy unit"):
        fit_table(people.drop_columns(["person"]), people_specification(), setting(ledger, tmp_path))
    events = draw_events(20, 1).drop_columns(["visit"])
    with pytest.raises(BadSpecification, match="the events have no columns"):
        fit_history(people, events, events_specification(), setting(ledger, tmp_path))
    assert left(ledger) == before


def test_an_estimate_grows_with_rows_and_columns_and_states_the_budget() -> None:
    small, large = (estimate_table(people_specification(), rows) for rows in (1000, 10_000_000))
    assert 1 < small.seconds < large.seconds
    assert small.rho == pytest.approx(cost_of(people_specification()).nano_rho / 1e9, rel=1e-6)
    assert estimate_history(events_specification(), 1000, 10**6).megabytes > 500
    assert "noisy counts; budget rho" in str(small)


def test_progress_names_stages_and_never_goes_back() -> None:
    seen: list[tuple[str, float]] = []
    PrivateTable.fit(draw_people(200, 1), people_specification(), lambda stage, done: seen.append((stage, done)))
    assert {"measure marginals", "choose pairs of columns", "fit the model"} <= {stage for stage, _ in seen}
    assert [done for _, done in seen] == sorted(done for _, done in seen)
