"""Drafts of the simulated sources against their contracts, which people wrote."""

from __future__ import annotations

import pytest

from installation.contract.document import Contract, load_contracts
from pipelines.contracts.check import check_contracts
from pipelines.contracts.draft import draft
from pipelines.simulate.simulation import simulate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Contract, Contract]]:
    """Each source's written contract and its draft, from a market of 120 households."""
    out, drafts = tmp_path_factory.mktemp("market"), tmp_path_factory.mktemp("drafts")
    simulate(out, households=120)
    written = load_contracts().sources
    for contract in written:
        file = min((out / "landing" / contract.name).iterdir())
        (drafts / f"source_{contract.name}.odcs.yaml").write_text(draft(file, contract.name), "utf-8")
    # What is left to a human in these drafts: the purposes of sensitive columns, and nothing else.
    faults = {fault.message.split("'")[0] for fault in check_contracts([drafts]).faults}
    assert faults <= {"Sensitive column "}
    drafted = load_contracts([drafts])
    return [(contract, drafted.source(contract.name)) for contract in written]


def test_every_direct_identifier_is_found(pairs: list[tuple[Contract, Contract]]) -> None:
    missed = [
        (contract.id, column.name)
        for contract, drafted in pairs
        for column in contract.columns
        for guess in drafted.columns
        if guess.header == column.header and column.role == "direct" and guess.role != "direct"
    ]
    assert missed == []


def test_nothing_else_is_taken_for_one(pairs: list[tuple[Contract, Contract]]) -> None:
    false = [
        (contract.id, column.name)
        for contract, drafted in pairs
        for column in contract.columns
        for guess in drafted.columns
        if guess.header == column.header and column.role != "direct" and guess.role == "direct"
    ]
    assert false == []


def test_the_make_of_every_file_is_found(pairs: list[tuple[Contract, Contract]]) -> None:
    for contract, drafted in pairs:
        assert contract.file is not None
        assert drafted.file is not None
        makes = [(file.format, file.codec, file.delimiter) for file in (contract.file, drafted.file)]
        assert makes[0] == makes[1], contract.id


def test_single_keys_are_found(pairs: list[tuple[Contract, Contract]]) -> None:
    for contract, drafted in pairs:
        if len(contract.primary_key) == 1:
            headers = [c.column(c.primary_key[0]).header for c in (contract, drafted)]
            assert headers[0] == headers[1], contract.id
