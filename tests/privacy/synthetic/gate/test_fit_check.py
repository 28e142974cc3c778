"""The gate finds what no statistic shows: noise that costs more than its debit, and a domain that was not declared."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.synthetic.fault import domain_of_data
from privacy.dp.budget_account import BudgetAccount
from privacy.dp.cost import cost_of_rho
from privacy.dp.ledger import Ledger
from privacy.dp.sqlite_store import SqliteStore
from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.fit import FitSetting, fit_model
from privacy.synthetic.gate.fit_check import FitEvidence, check_fit
from privacy.synthetic.model_file import Model
from privacy.synthetic.private_table import PrivateTable
from tests.privacy.synthetic.people import draw_people

NOW = datetime(2026, 5, 1, tzinfo=UTC)
ACCOUNT = BudgetAccount("gold/customer", "research")
Change = Callable[[FitEvidence], FitEvidence]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(SqliteStore(tmp_path / "ledger.sqlite", tmp_path / "anchor"))
    opened.set_limit(ACCOUNT, "ever", cost_of_rho(10), NOW)
    yield opened
    opened.close()


def evidence(model: Model, ledger: Ledger, folder: Path) -> FitEvidence:
    setting = FitSetting(ledger, ACCOUNT, "version 1", folder / "model", b"k" * 32, NOW)
    fitted, record = fit_model(model.specification, lambda: model, setting)
    return FitEvidence(fitted, model.specification, record, ledger, "version 1")


def failed(found: FitEvidence) -> set[str]:
    return {check.name for check in check_fit(found) if not check.is_passed}


def test_an_honest_fit_of_either_kind_passes(
    table_model: PrivateTable, history_model: PrivateHistory, ledger: Ledger, tmp_path: Path
) -> None:
    assert not failed(evidence(table_model, ledger, tmp_path))
    assert not failed(evidence(history_model, ledger, tmp_path / "other"))


@pytest.mark.parametrize("excess", [1.0001, 1.01, 1.5, 10.0])
def test_a_fit_past_its_budget_is_refused(
    excess: float, table_model: PrivateTable, ledger: Ledger, tmp_path: Path
) -> None:
    scales = {name: scale / excess for name, scale in table_model.scales.items()}
    assert failed(evidence(replace(table_model, scales=scales), ledger, tmp_path)) == {"noise"}


def test_a_history_past_its_budget_is_refused(history_model: PrivateHistory, ledger: Ledger, tmp_path: Path) -> None:
    name = next(iter(history_model.scales))
    scales = {**history_model.scales, name: history_model.scales[name] / 2}
    assert failed(evidence(replace(history_model, scales=scales), ledger, tmp_path)) == {"noise"}


def test_a_measurement_without_recorded_noise_is_refused(
    table_model: PrivateTable, ledger: Ledger, tmp_path: Path
) -> None:
    found = evidence(replace(table_model, scales={}), ledger, tmp_path)
    assert failed(found) == {"measurements", "noise"}
    scales = dict(list(table_model.scales.items())[1:])
    assert failed(replace(found, model=replace(table_model, scales=scales))) == {"measurements", "record"}


def test_values_and_bounds_that_came_from_the_data_are_refused(
    table_model: PrivateTable, ledger: Ledger, tmp_path: Path
) -> None:
    taken = domain_of_data(draw_people(300, 1), table_model.specification)
    assert taken.domain_digest != table_model.specification.domain_digest
    learned = replace(table_model, specification=taken)
    found = replace(evidence(learned, ledger, tmp_path), declared=table_model.specification)
    assert failed(found) == {"domain"}


def test_a_larger_epsilon_or_another_unit_than_declared_is_refused(
    table_model: PrivateTable, ledger: Ledger, tmp_path: Path
) -> None:
    found = evidence(table_model, ledger, tmp_path)
    declared = table_model.specification
    for change in ({"epsilon": declared.epsilon / 2}, {"unit": None}, {"delta": declared.delta / 10}):
        assert failed(replace(found, declared=declared.model_copy(update=change))) == {"guarantee"}


def test_a_fit_without_its_debit_or_with_another_model_is_refused(
    table_model: PrivateTable, ledger: Ledger, tmp_path: Path
) -> None:
    found = evidence(table_model, ledger, tmp_path)
    record = found.record
    assert failed(replace(found, record=replace(record, debit=record.debit + 1))) == {"debit", "record"}
    assert failed(replace(found, record=replace(record, nano_rho=record.nano_rho - 1))) >= {"debit", "record"}
    assert failed(replace(found, record=replace(record, account="gold/order|research|customer"))) >= {"debit"}
    assert failed(replace(found, scope="version 2")) == {"record"}
    fine = {name: counts + 1 for name, counts in table_model.fine.items()}
    assert failed(replace(found, model=replace(table_model, fine=fine))) == {"record"}
    other = Ledger(SqliteStore(tmp_path / "other.sqlite", tmp_path / "other"))
    assert failed(replace(found, ledger=other)) == {"debit", "record"}
    other.close()
