"""Customer ids of a file outlive reruns: over shuffled rows, more rows, corrected rows and new record ids."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.identity.people import draw_people
from pipelines.matching.errors import SourceFileError
from pipelines.matching.mapping import Mapping, guess_mapping
from pipelines.matching.person_file import write_person_file
from pipelines.matching.resolution import Options, open_workspace
from pipelines.register.customer_id import opaque_ids
from pipelines.register.file_customers import FileCustomers, resolve_file_customers
from pipelines.register.previous_file import PreviousRows, find_rows, free_id_column, read_previous

MAPPING = Mapping(record_id="id", name=("name",), birth_date=("birth_date",), phone=("phone",), email=("email",))


def people(records: int, seed: int) -> pd.DataFrame:
    frame = draw_people(records + records // 5, seed).drop(columns="person").iloc[:records].reset_index(drop=True)
    frame.insert(0, "id", [f"r{n}" for n in range(len(frame))])
    return frame


def resolve(frame: pd.DataFrame, previous: PreviousRows | None = None, seed: int = 1) -> FileCustomers:
    frame = frame.reset_index(drop=True)
    with open_workspace(Options()) as workspace:
        new_id = opaque_ids(random.Random(seed).randbytes)
        return resolve_file_customers(workspace, frame, guess_mapping(frame), Options(), new_id, previous)


def output(frame: pd.DataFrame, found: FileCustomers) -> PreviousRows:
    return PreviousRows(frame.reset_index(drop=True), pd.Series(found.ids))


def share_kept(earlier: PreviousRows, frame: pd.DataFrame, found: FileCustomers) -> float:
    before = dict(zip(earlier.frame["id"], earlier.ids, strict=True))
    known = [(before[key], now) for key, now in zip(frame["id"], found.ids, strict=True) if key in before]
    return float(np.mean([former == now for former, now in known]))


@pytest.mark.parametrize("seed", [1, 2])
def test_shuffled_rows_and_one_percent_more_rows_keep_their_ids(seed: int) -> None:
    whole = people(4040, seed)
    first = whole.iloc[:4000]
    earlier = output(first, resolve(first))
    shuffled, more = first.sample(frac=1, random_state=seed), whole.sample(frac=1, random_state=seed)
    rerun = resolve(shuffled, earlier, seed=2)
    assert share_kept(earlier, shuffled, rerun) == 1.0
    assert rerun.kept is not None
    assert rerun.kept.events == ()
    grown = resolve(more, earlier, seed=3)
    assert share_kept(earlier, more, grown) >= 0.999
    assert grown.kept is not None
    assert (grown.kept.known_records, grown.kept.new_records) == (4000, 40)
    # Negative control: without the earlier output no id is kept.
    assert share_kept(earlier, shuffled, resolve(shuffled, seed=4)) == 0.0


@pytest.fixture(scope="module")
def earlier() -> PreviousRows:
    frame = people(600, 7)
    return output(frame, resolve(frame))


def test_new_rows_alone_get_the_ids_of_their_persons(earlier: PreviousRows) -> None:
    known = earlier.frame.dropna().iloc[:20]
    strangers = people(40, 99).iloc[:20]
    rows = pd.concat([known, strangers]).assign(id=[f"n{n}" for n in range(40)])
    found = resolve(rows, earlier, seed=2)
    assert list(found.ids[:20]) == list(earlier.ids[known.index])
    assert not set(found.ids[20:]) & set(earlier.ids)
    assert found.kept is not None
    assert (found.kept.known_records, found.kept.new_records, found.kept.missing_records) == (0, 40, 600)


def test_corrected_rows_and_new_record_ids_keep_the_ids(earlier: PreviousRows) -> None:
    corrected = earlier.frame.assign(phone=[f"0107{n:07d}" for n in range(600)])
    assert (find_rows(corrected, earlier, MAPPING) == np.arange(600)).mean() > 0.9
    renumbered = earlier.frame.iloc[::-1].reset_index(drop=True).assign(id=[f"r{n}" for n in range(600)])
    assert list(earlier.ids[find_rows(renumbered, earlier, MAPPING)]) == list(earlier.ids[::-1])


def test_a_record_id_that_another_person_has_now_is_a_new_row(earlier: PreviousRows) -> None:
    others = people(600, 12)
    assert (find_rows(others, earlier, MAPPING) == -1).all()


def test_a_merge_a_split_and_a_move_are_reported() -> None:
    frame = people(300, 5)
    once = resolve(frame)
    ids = pd.Series(once.ids)
    sizes = ids.value_counts()
    pair, single, other = sizes.index[0], sizes.index[-1], sizes.index[-2]
    earlier_ids = ids.copy()
    rows = np.flatnonzero(ids == pair)
    earlier_ids[rows[-1]] = "c_merged"
    earlier_ids[ids == other] = single
    found = resolve(frame, PreviousRows(frame, earlier_ids), seed=2)
    assert found.kept is not None
    events = {(e.event, e.from_customer_id, e.records) for e in found.kept.events}
    assert events == {("merge", "c_merged", 1), ("split", single, 1)}
    moved = ids.copy()
    moved[rows[-1]] = single
    found = resolve(frame, PreviousRows(frame, moved), seed=2)
    assert found.kept is not None
    assert [(e.event, e.to_customer_id) for e in found.kept.events] == [("move", pair)]


def test_the_last_file_of_previous_wins_and_a_small_register_file_is_enough(
    earlier: PreviousRows, tmp_path: Path
) -> None:
    old, new, small = tmp_path / "old.csv", tmp_path / "new.csv", tmp_path / "register.csv"
    write_person_file(earlier.frame.assign(customer_id=["c_" + "a" * 26] * 600), old)
    write_person_file(earlier.frame.assign(customer_id=list(earlier.ids)), new)
    write_person_file(earlier.frame[["id"]].assign(customer_id=[f"K{n}" for n in range(600)]), small)
    both = read_previous([old, new])
    assert list(both.ids) == list(earlier.ids)
    register = read_previous([small])
    assert "not made by Bojagi" in register.notes[0]
    assert (find_rows(earlier.frame, register, MAPPING) == np.arange(600)).all()
    with pytest.raises(SourceFileError, match="no column of customer ids"):
        read_previous([_without_ids(earlier.frame, tmp_path)])


def _without_ids(frame: pd.DataFrame, folder: Path) -> Path:
    write_person_file(frame, folder / "none.csv")
    return folder / "none.csv"


def test_the_column_of_ids_never_replaces_a_column_of_the_file() -> None:
    assert free_id_column(["id", "name"]) == "customer_id"
    assert free_id_column(["CUSTOMER_ID", "bojagi_customer_id"]) == "bojagi_customer_id_2"
