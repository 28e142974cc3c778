"""Loads generated files whose true rows are known: each row is true, in quarantine, or refused with its file."""

from pathlib import Path

from bench.generated_file.generate import generate
from tests.pipelines.ingest.generated_load import read_and_check
from tests.pipelines.ingest.judge import judge
from tests.protection import open_protection_in


def faults_of(seeds: range, folder: Path, *, is_plain: bool = False) -> list[str]:
    """Load the files of the seeds; return a message for each file with faults."""
    protection = open_protection_in(folder / "secret")
    found = []
    for seed in seeds:
        file = generate(seed, is_plain=is_plain)
        faults = judge(file, read_and_check(file, folder, protection), protection.tokens)
        if faults:
            found.append(f"{file.describe()}\n  " + "\n  ".join(faults[:5]))
    return found


def test_plain_files_are_loaded_as_they_are(tmp_path: Path) -> None:
    assert faults_of(range(300), tmp_path, is_plain=True) == []
