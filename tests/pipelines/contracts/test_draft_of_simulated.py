"""Compares drafts of the simulated sources with the contracts that people wrote for them."""

from __future__ import annotations

import pytest

from installation.contract.document import Contract, load_contracts
from pipelines.contracts.check import check_contracts
from pipelines.contracts.draft import draft
from pipelines.simulate.simulation import simulate

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Contract, Contract]]:
    """Return each source's written contract with its draft, from a simulated market of 200 households."""
    out, drafts = tmp_path_factory.mktemp("market"), tmp_path_factory.mktemp("drafts")
    simulate(out, households=200)
    # Nobody simulates the visitors of a collector.
    written = [contract for contract in load_contracts().sources if not contract.collection]
    for contract in written:
        file = min((out / "landing" / contract.name).iterdir())
        (drafts / f"source_{contract.name}.odcs.yaml").write_text(draft(file, contract.name), "utf-8")
    # The drafts leave only one thing to a human: the purposes of sensitive columns.
    faults = {fault.message.split("'")[0] for fault in check_contracts([drafts]).faults}
    assert faults <= {"Sensitive column "}
    drafted = load_contracts([drafts])
    return [(contract, drafted.source(contract.name)) for contract in written]


def test_a_draft_marks_every_direct_identifier(pairs: list[tuple[Contract, Contract]]) -> None:
    missed = [
        (contract.id, column.name)
        for contract, drafted in pairs
        for column in contract.columns
        for guess in drafted.columns
        if guess.header == column.header and column.role == "direct" and guess.role != "direct"
    ]
    assert missed == []


def test_a_draft_marks_no_other_column_as_direct_identifier(pairs: list[tuple[Contract, Contract]]) -> None:
    false = [
        (contract.id, column.name)
        for contract, drafted in pairs
        for column in contract.columns
        for guess in drafted.columns
        if guess.header == column.header and column.role != "direct" and guess.role == "direct"
    ]
    assert false == []


def test_a_draft_finds_format_encoding_and_delimiter_of_every_file(pairs: list[tuple[Contract, Contract]]) -> None:
    for contract, drafted in pairs:
        assert contract.file is not None
        assert drafted.file is not None
        makes = [(file.format, file.codec, file.delimiter) for file in (contract.file, drafted.file)]
        assert makes[0] == makes[1], contract.id


def test_a_draft_finds_every_single_column_primary_key(pairs: list[tuple[Contract, Contract]]) -> None:
    for contract, drafted in pairs:
        if len(contract.primary_key) == 1:
            headers = [c.column(c.primary_key[0]).header for c in (contract, drafted)]
            assert headers[0] == headers[1], contract.id
