"""Sketches are equal where values are equal, show nothing without their keys, and are replaced if an entry changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.matching.mapping import Mapping
from pipelines.matching.preparation import prepare
from pipelines.matching.resolution import Options, write_person
from pipelines.matching.sketch import Layout, compute_sketches
from pipelines.register.entry_matching import open_private_workspace
from pipelines.register.sketch_book import SketchBook, SketchError, SketchKeys

KEYS = SketchKeys(bytes(32), bytes([1]) * 32)
MAPPING = Mapping(name=("name",), phone=("phone",), birth_date=("birth_date",))
ROWS = pd.DataFrame({
    "name": ["김민수", "김민수", "이영희", None], "phone": ["010-1234-5678", "+82 10 1234 5678", None, None],
    "birth_date": ["1980-01-02", "1980-01-03", "1980-01-02", None],
})  # fmt: skip
PEOPLE = pd.DataFrame({"kind": "member_no", "token": ["a", "b", "c", "d"], "seen_at": pd.Timestamp("2017-01-01")})
PEOPLE = PEOPLE.astype({"seen_at": "datetime64[us]"})


def drawn(key: bytes = KEYS.hashing):
    with open_private_workspace(Options()) as workspace:
        prepared = prepare(ROWS, MAPPING)
        write_person(workspace, prepared, is_new=True)
        layout = Layout.of([name for name in prepared.columns if not name.endswith("_bits")])
        return layout, compute_sketches(workspace, layout, key)[1]


def test_hashes_are_equal_exactly_where_the_standard_values_are() -> None:
    layout, values = drawn()
    found = dict(zip(layout.names, values.T, strict=True))
    assert found["phone"][0] == found["phone"][1] != 0
    assert found["birth_date"][0] == found["birth_date"][2] != found["birth_date"][1]
    assert found["given"][0] == found["given"][1] != found["given"][2]
    assert not values[3].any(), "an unknown value has no hash"
    known = values[:3][values[:3] != 0]
    assert len(np.intersect1d(found["birth_year"][:1], found["birth_date"][:1])) == 0
    assert not np.isin(drawn(bytes([7]) * 32)[1], known).any(), "another secret gives other hashes"


def test_a_sketch_book_decrypts_what_it_encrypted_and_equal_sketches_look_different() -> None:
    layout, values = drawn()
    book = SketchBook(KEYS)
    rows = book.encrypt_rows(PEOPLE, values, layout)
    opened, is_kept = SketchBook(KEYS, rows).open(PEOPLE, layout)
    assert is_kept.all()
    assert (opened == values).all()
    same = book.encrypt_rows(PEOPLE, values[[0, 0, 0, 0]], layout)["sketch"]
    assert same.str[16:].is_unique, "equal sketches differ when encrypted"


def test_a_newer_entry_or_another_layout_makes_a_stored_sketch_unusable() -> None:
    layout, values = drawn()
    rows = SketchBook(KEYS).encrypt_rows(PEOPLE, values, layout)
    later = PEOPLE.assign(seen_at=[*PEOPLE["seen_at"][:3], pd.Timestamp("2018-01-01")])
    assert SketchBook(KEYS, rows).open(later, layout)[1].tolist() == [True, True, True, False]
    assert SketchBook(KEYS, rows).knows(later).tolist() == [True, True, True, False]
    assert not SketchBook(KEYS, rows).open(PEOPLE, Layout(("phone",)))[1].any()
    assert SketchBook(KEYS).knows(PEOPLE).all(), "an empty book makes no entry new"


def test_rows_for_the_next_run_keep_unchanged_rows_and_drop_people_who_left() -> None:
    layout, values = drawn()
    rows = SketchBook(KEYS).encrypt_rows(PEOPLE[:3], values[:3], layout)
    after = SketchBook(KEYS, rows).rows_for_next_run(PEOPLE[1:].reset_index(drop=True), values[1:], layout)
    after = after.set_index("token")["sketch"]
    assert set(after.index) == {"b", "c", "d"}
    assert after["b"] == rows.set_index("token")["sketch"]["b"]


@pytest.mark.parametrize("fault", ["moved", "cut", "other secret"])
def test_a_changed_row_or_another_secret_raises_an_error(fault: str) -> None:
    layout, values = drawn()
    rows = SketchBook(KEYS).encrypt_rows(PEOPLE, values, layout)
    keys = SketchKeys(KEYS.hashing, bytes(32)) if fault == "other secret" else KEYS
    if fault == "moved":
        rows.loc[0, "sketch"] = rows.loc[1, "sketch"]
    elif fault == "cut":
        rows.loc[0, "sketch"] = rows.loc[0, "sketch"][:-8]
    with pytest.raises(SketchError, match="silver/identity_sketch"):
        SketchBook(keys, rows).open(PEOPLE, layout)
