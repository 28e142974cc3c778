import os
from pathlib import Path

import pytest

from installation.contract.document import Contracts, load_contracts
from pipelines.orchestration.landing_state import landed_files, signature


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return load_contracts()


def _land(folder: Path, name: str, text: str = "x") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_unfinished_files_and_files_of_unknown_sources_are_left_out(tmp_path: Path, contracts: Contracts) -> None:
    landed = _land(tmp_path, "web_event/2017.jsonl")
    for name in ("web_event/.2017.jsonl", "web_event/2018.jsonl.part", "unknown/a.csv", "web_event/notes.txt"):
        _land(tmp_path, name)
    assert landed_files(tmp_path, contracts.sources) == (landed,)


def test_the_signature_changes_with_names_sizes_and_times_of_files(tmp_path: Path, contracts: Contracts) -> None:
    path = _land(tmp_path, "web_event/2017.jsonl")
    seen = [signature([path], tmp_path)]
    assert signature([path], tmp_path) == seen[0]
    path.write_text("xy")
    seen.append(signature([path], tmp_path))
    os.utime(path, ns=(1, 1))
    seen.append(signature([path], tmp_path))
    seen.append(signature([path, _land(tmp_path, "web_event/2018.jsonl")], tmp_path))
    assert len(set(seen)) == 4
