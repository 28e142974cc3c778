"""A table is built by the function that its contract names, and is built again when the function changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from installation.contract.document import Contract, load_contracts
from pipelines.derived_table.declared_table import declared_tables
from pipelines.derived_table.table import BuildContext, DerivedTable
from privacy.contract.fault import ContractError

FUNCTION = "def build(orders, days):\n    return orders, days\n"
AS_OF = date(2017, 3, 15)


@pytest.fixture
def declare(tmp_path: Path) -> Callable[..., DerivedTable]:
    """Return a function that declares a table built by a function, with this code in `own.py` beside the contract."""
    contract: Contract = load_contracts().table("gold/customer_affinity")

    def make(function: str = "own.py:build", code: str = FUNCTION, **more: object) -> DerivedTable:
        (tmp_path / "own.py").write_text(code)
        transform = {"function": function, "inputs": ["gold/order_history"], "monthEnds": 1, **more}
        return declared_tables([replace(contract, path=tmp_path / "own.odcs.yaml", transform=transform)])[0]

    return make


def test_the_function_gets_the_inputs_and_the_days(declare: Callable[..., DerivedTable]) -> None:
    table = declare()
    context = BuildContext.__new__(BuildContext)
    object.__setattr__(context, "as_of", AS_OF)
    assert table.inputs == ("gold/order_history",)
    assert table.build({"gold/order_history": "orders"}, context) == ("orders", (date(2017, 2, 28), AS_OF))  # type: ignore[dict-item,comparison-overlap]


def test_the_parameters_of_the_contract_are_passed_by_name(declare: Callable[..., DerivedTable]) -> None:
    code = "def build(orders, days, *, horizon_days):\n    return horizon_days\n"
    context = BuildContext.__new__(BuildContext)
    object.__setattr__(context, "as_of", AS_OF)
    built = declare(code=code, parameters={"horizon_days": 60}).build({"gold/order_history": "orders"}, context)  # type: ignore[dict-item]
    assert built == 60  # type: ignore[comparison-overlap]


def test_another_code_of_the_file_is_another_version_of_the_table(declare: Callable[..., DerivedTable]) -> None:
    assert declare().version == declare().version
    assert declare(code=f"{FUNCTION}# changed\n").version != declare().version


def test_a_function_of_this_project_belongs_to_the_fingerprint(declare: Callable[..., DerivedTable]) -> None:
    assert declare("features.transform.affinity:affinity").modules == ("features.transform.affinity",)


@pytest.mark.parametrize("function", ["own.py:nothing", "missing.py:build", "features.nowhere:build", "build", ""])
def test_a_function_that_cannot_be_loaded_is_a_fault_of_the_contract(
    declare: Callable[..., DerivedTable], function: str
) -> None:
    with pytest.raises(ContractError, match=r"own\.odcs\.yaml.*function of gold\.customer_affinity cannot be loaded"):
        declare(function)


def test_a_file_with_an_error_is_a_fault_of_the_contract(declare: Callable[..., DerivedTable]) -> None:
    with pytest.raises(ContractError, match="cannot be loaded"):
        declare(code="def build(:\n")
