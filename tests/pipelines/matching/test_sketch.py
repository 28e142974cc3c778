"""Sketches are equal where values are, tell nothing without their keys, and are drawn anew when an entry changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.matching.mapping import Mapping
from pipelines.matching.prepare import prepare
from pipelines.matching.resolve import Options, put_person
from pipelines.matching.sketch import Layout, draw_sketches
from pipelines.register.person_match import open_private_workspace
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
        put_person(workspace, prepared, is_new=True)
        layout = Layout.of([name for name in prepared.columns if not name.endswith("_bits")])
        return layout, draw_sketches(workspace, layout, key)[1]


def test_hashes_are_equal_exactly_where_the_standard_values_are() -> None:
    layout, values = drawn()
    found = dict(zip(layout.names, values.T, strict=True))
    assert found["phone"][0] == found["phone"][1] != 0
    assert found["birth_date"][0] == found["birth_date"][2] != found["birth_date"][1]
    assert found["given"][0] == found["given"][1] != found["given"][2]
    assert not values[3].any(), "what is unknown has no hash"
    known = values[:3][values[:3] != 0]
    assert len(np.intersect1d(found["birth_year"][:1], found["birth_date"][:1])) == 0
    assert not np.isin(drawn(bytes([7]) * 32)[1], known).any(), "another secret, other hashes"


def test_a_book_gives_back_what_it_sealed_and_shows_nobody_alike() -> None:
    layout, values = drawn()
    book = SketchBook(KEYS)
    rows = book.encrypt_rows(PEOPLE, values, layout)
    opened, is_kept = SketchBook(KEYS, rows).open(PEOPLE, layout)
    assert is_kept.all()
    assert (opened == values).all()
    same = book.encrypt_rows(PEOPLE, values[[0, 0, 0, 0]], layout)["sketch"]
    assert same.str[16:].is_unique, "equal sketches are not equal when sealed"


def test_an_entry_of_a_newer_version_and_another_layout_are_drawn_anew() -> None:
    layout, values = drawn()
    rows = SketchBook(KEYS).encrypt_rows(PEOPLE, values, layout)
    later = PEOPLE.assign(seen_at=[*PEOPLE["seen_at"][:3], pd.Timestamp("2018-01-01")])
    assert SketchBook(KEYS, rows).open(later, layout)[1].tolist() == [True, True, True, False]
    assert SketchBook(KEYS, rows).knows(later).tolist() == [True, True, True, False]
    assert not SketchBook(KEYS, rows).open(PEOPLE, Layout(("phone",)))[1].any()
    assert SketchBook(KEYS).knows(PEOPLE).all(), "an empty book says nothing"


def test_the_rows_that_follow_are_the_old_ones_without_who_is_gone() -> None:
    layout, values = drawn()
    rows = SketchBook(KEYS).encrypt_rows(PEOPLE[:3], values[:3], layout)
    after = SketchBook(KEYS, rows).rows_for_next_run(PEOPLE[1:].reset_index(drop=True), values[1:], layout)
    after = after.set_index("token")["sketch"]
    assert set(after.index) == {"b", "c", "d"}
    assert after["b"] == rows.set_index("token")["sketch"]["b"]


@pytest.mark.parametrize("fault", ["moved", "cut", "other secret"])
def test_a_changed_row_is_refused(fault: str) -> None:
    layout, values = drawn()
    rows = SketchBook(KEYS).encrypt_rows(PEOPLE, values, layout)
    keys = SketchKeys(KEYS.hashing, bytes(32)) if fault == "other secret" else KEYS
    if fault == "moved":
        rows.loc[0, "sketch"] = rows.loc[1, "sketch"]
    elif fault == "cut":
        rows.loc[0, "sketch"] = rows.loc[0, "sketch"][:-8]
    with pytest.raises(SketchError, match="silver/identity_sketch"):
        SketchBook(keys, rows).open(PEOPLE, layout)
