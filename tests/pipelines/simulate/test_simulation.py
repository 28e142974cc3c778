"""The same seed gives the same bytes, replicas share no people, and a second call writes nothing."""

import json
import os
import subprocess
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from installation.reference_date import RUN_DATE_FILE, fixed_date
from installation.settings import load_settings
from pipelines.simulate.errors import SimulationError
from pipelines.simulate.simulation import SimulationResult, simulate
from privacy.storage.lock import file_lock

from .landed import DAMAGED_CARD, SOURCES, Landed, read_file

_RUN = "import sys; from pathlib import Path; from pipelines.simulate.simulation import simulate; " \
       "simulate(Path(sys.argv[1]), seed=int(sys.argv[2]), households=15)"  # fmt: skip


def _digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".simulating.lock"
    }


def _simulate_apart(out: Path, seed: int, hash_seed: str) -> dict[str, str]:
    """Simulate in another process with the given hash seed, and return the digests of the files."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    subprocess.run([sys.executable, "-c", _RUN, str(out), str(seed)], env=environment, check=True)
    return _digests(out)


def test_the_same_seed_gives_the_same_bytes_under_any_hash_seed(tmp_path: Path) -> None:
    first = _simulate_apart(tmp_path / "a", 11, "1")
    assert first == _simulate_apart(tmp_path / "b", 11, "2")
    assert len(first) > 50
    simulate(tmp_path / "c", seed=12, households=15)
    other = _digests(tmp_path / "c")
    same = {name for name in first if first[name] == other.get(name)}
    assert all("/cj_" in name for name in same - {RUN_DATE_FILE} if not name.startswith(("content/", "place_page/")))
    assert "content/gangnam/product.jsonl" not in same


def test_each_source_has_files_and_event_sources_have_monthly_ones(market: Landed) -> None:
    assert {path.name for path in (market.root / "landing").iterdir()} == set(SOURCES)
    assert all(market.files(source) for source in SOURCES)
    assert len(market.files("app_event")) == len(market.files("web_event")) == 12


def test_the_last_day_of_the_market_is_the_reference_date_of_its_data_folder(market: Landed) -> None:
    assert fixed_date(load_settings(data_dir=market.root)) == date(2017, 12, 31)


def test_the_manifest_lists_digest_and_rows_of_every_file(market: Landed) -> None:
    manifest = json.loads((market.root / "manifest.json").read_text())
    digests = _digests(market.root)
    digests.pop("manifest.json")
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == digests
    rows = {file["path"]: file["rows"] for file in manifest["files"]}
    for source in SOURCES:
        landed = sum(n for path, n in rows.items() if path.startswith(f"landing/{source}/"))
        assert landed == market.count(source), source


def test_only_the_owner_may_read_the_data_folder_and_the_true_names(tmp_path: Path) -> None:
    out = tmp_path / "data"
    simulate(out, households=12)
    assert [path.stat().st_mode & 0o777 for path in (out, out / "truth")] == [0o700] * 2
    assert {path.stat().st_mode & 0o777 for path in (out / "truth").iterdir()} == {0o600}


def test_a_second_call_writes_nothing_and_rewrites_damaged_files(tmp_path: Path, written: SimulationResult) -> None:
    assert not written.was_present
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = simulate(tmp_path, seed=3, households=12)
    assert again.was_present
    assert again.files == written.files
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    damaged = tmp_path / "landing/delivery/delivery-000.csv"
    damaged.write_bytes(damaged.read_bytes().replace(b"0", b"1"))
    rewritten = simulate(tmp_path, seed=3, households=12)
    assert not rewritten.was_present
    assert rewritten.files == written.files


def test_another_simulation_is_replaced_only_with_force(tmp_path: Path) -> None:
    simulate(tmp_path, seed=3, households=12, scale=2)
    other_file = tmp_path / "landing/my_source/mine.csv"
    other_file.parent.mkdir()
    other_file.write_text("kept")
    with pytest.raises(SimulationError, match="--force"):
        simulate(tmp_path, seed=4, households=12)
    simulate(tmp_path, seed=4, households=12, force=True)
    assert not list(tmp_path.rglob("*-001.*"))
    assert other_file.read_text() == "kept"
    assert not (tmp_path / ".simulating").exists()


@pytest.mark.parametrize(("seed", "scale", "households"), [(1, 0, None), (1, 1001, None), (-1, 1, None), (1, 1, 9)])
def test_arguments_out_of_range_are_refused_and_nothing_is_written(
    tmp_path: Path, seed: int, scale: int, households: int | None
) -> None:
    with pytest.raises(SimulationError, match="give"):
        simulate(tmp_path, seed=seed, scale=scale, households=households)
    assert not list(tmp_path.iterdir())


def test_a_second_simulation_of_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        file_lock(tmp_path / ".simulating.lock"),
        pytest.raises(SimulationError, match="Another simulation is writing"),
    ):
        simulate(tmp_path, households=12)
    assert not (tmp_path / "manifest.json").exists()


def test_a_failed_simulation_leaves_the_earlier_files_unchanged(tmp_path: Path, written: SimulationResult) -> None:
    def fail(step: str) -> None:
        if step == "delivery":
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        simulate(tmp_path, seed=4, households=12, progress=fail, force=True)
    assert simulate(tmp_path, seed=3, households=12).was_present
    assert written.files
    assert not (tmp_path / ".simulating").exists()


@pytest.mark.parametrize("seed", range(4))
def test_the_smallest_market_has_transactions(tmp_path: Path, seed: int) -> None:
    assert simulate(tmp_path, seed=seed, households=10).rows["cj_transactions"] > 0


def test_replicas_share_no_people_and_no_keys(tmp_path: Path) -> None:
    simulate(tmp_path, seed=3, households=24, scale=2)
    landed = Landed(tmp_path)
    people = landed.truth("person")
    is_second = people["household_id"] >= 1_000_000
    assert is_second.sum() > 50
    for column in ("person_id", "phone", "email"):
        first, second = (set(people.loc[rows, column].dropna()) for rows in (~is_second, is_second))
        assert not first & second, column
    assert people.loc[is_second, "name"].tolist() != people.loc[~is_second, "name"].tolist()
    for source in SOURCES:
        key = SOURCES[source].primary_key
        keys: list[set[tuple[object, ...]]] = [set(), set()]
        for path in landed.files(source):
            rows = read_file(path, SOURCES[source])
            keys[path.stem.endswith("-001")] |= {tuple(row[name] for name in key) for row in rows} - {(DAMAGED_CARD,)}
        assert not keys[0] & keys[1], source
    for name, offset in (("household_id", 10**6), ("store_id", 10**6), ("basket_id", 10**12)):
        values = landed.frame("cj_transactions")[name]
        half = len(values) // 2
        assert (values[half:].to_numpy() == values[:half].to_numpy() + offset).all()
