"""The built-in contracts pass Bojagi's check, and the lint of datacontract-cli, which knows the standard only."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from jsonschema import Draft201909Validator
from open_data_contract_standard import model

from installation.contract.document import BUILT_IN
from pipelines.contracts.check import check_contracts

PATHS = sorted(path for folder in BUILT_IN for path in folder.glob("*.odcs.yaml"))
STANDARD = Path(model.__file__).parent / "schema.json"


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the lint tried to open a network connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def schema_checked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the ODCS schema against its metaschema once, not for every contract: it is 86 % of a lint's time."""
    check = Draft201909Validator.check_schema
    checked: set[str] = set()

    def check_once(schema: dict[str, object]) -> None:
        key = json.dumps(schema, sort_keys=True)
        if key not in checked:
            check(schema)
            checked.add(key)

    monkeypatch.setattr(Draft201909Validator, "check_schema", check_once)


def lint(path: Path) -> list[tuple[str, str, str]]:
    """Return name, result and reason of each of datacontract-cli's checks against the packaged standard."""
    from datacontract.data_contract import DataContract

    run = DataContract(data_contract_file=str(path), schema_location=str(STANDARD), all_errors=True).lint()
    return [(check.name or "", check.result.value, check.reason or "") for check in run.checks]


def test_every_built_in_contract_passes_the_check() -> None:
    assert PATHS
    assert check_contracts(BUILT_IN).faults == ()


@pytest.mark.slow
@pytest.mark.usefixtures("offline", "schema_checked_once")
@pytest.mark.filterwarnings("default")
def test_datacontract_cli_finds_no_fault_in_any_contract() -> None:
    faults = {path.name: [c for c in lint(path) if c[1] not in ("passed",)] for path in PATHS}
    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.slow
@pytest.mark.usefixtures("offline")
@pytest.mark.filterwarnings("default")
def test_datacontract_cli_reports_a_broken_contract(tmp_path: Path) -> None:
    broken = tmp_path / PATHS[0].name
    broken.write_text(PATHS[0].read_text("utf-8").replace("logicalType: string", "logicalType: text"), "utf-8")
    assert any(result != "passed" for _, result, _ in lint(broken))
