from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from privacy.anonymity.errors import HierarchyError
from privacy.anonymity.spec import hierarchy as trees


def test_arx_file_is_read_in_tree_order(tmp_path: Path) -> None:
    file = tmp_path / "country.csv"
    file.write_text("Seoul;Korea;Asia\nParis;France;Europe\nBusan;Korea;Asia\n", encoding="utf-8")
    tree = trees.read_hierarchy(file, "city")
    assert tree.leaves == ("Seoul", "Busan", "Paris")
    assert tree.rows[0] == ("Seoul", "Korea", "Asia", "*")


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["a", "x", "*"], ["a", "y", "*"]], "twice"),
        ([["a", "x", "p", "*"], ["b", "x", "q", "*"]], "two parents"),
        ([["a", "b", "*"], ["b", "c", "*"]], "cyclic"),
        ([], "empty"),
    ],
)
def test_broken_hierarchies_are_refused(rows: list[list[str]], words: str) -> None:
    with pytest.raises(HierarchyError, match=words):
        trees.from_rows(rows, "city")


def test_values_missing_from_a_hierarchy_are_counted_not_named() -> None:
    tree = trees.from_rows([["a", "*"], ["b", "*"]], "city")
    with pytest.raises(HierarchyError, match="1 of 2 values") as caught:
        tree.restrict(["a", "secret-place"], "city")
    assert "secret-place" not in str(caught.value)


def test_a_null_generalises_only_to_the_top() -> None:
    tree = trees.from_rows([["a", "x"], ["b", "x"]], "city").restrict(["a", trees.MISSING], "city")
    assert tree.rows[-1] == (trees.MISSING, "x")


def test_intervals_nest_and_dates_generalise_to_years() -> None:
    tree = trees.intervals(["31", "7", "12"], (5, 10), "age")
    assert tree.rows == (
        ("7", "[5, 10)", "[0, 10)", "*"),
        ("12", "[10, 15)", "[10, 20)", "*"),
        ("31", "[30, 35)", "[30, 40)", "*"),
    )
    with pytest.raises(HierarchyError, match="nest"):
        trees.intervals(["1"], (5, 12), "age")
    assert trees.dates(["2017-05-09"], "day").rows == (("2017-05-09", "2017-05", "2017-Q2", "2017", "*"),)


def test_korean_regions_generalise_from_dong_to_province() -> None:
    places = [
        "서울특별시 강남구 역삼동",
        "경기도 수원시 영통구 매탄동",
        "경기도 화성시 반송동",
        "서울특별시 강남구 삼성동",
    ]
    tree = trees.regions(places, "place")
    path = {row[0]: row for row in tree.rows}
    assert path["경기도 수원시 영통구 매탄동"][1:4] == ("경기도 수원시 영통구", "경기도 수원시", "경기도")
    assert path["경기도 화성시 반송동"][1:4] == ("경기도 화성시 일원", "경기도 화성시", "경기도")
    assert path["서울특별시 강남구 역삼동"][1] == path["서울특별시 강남구 삼성동"][1]
    assert path["서울특별시 강남구 역삼동"][3] == "서울특별시"


def test_automatic_hierarchy_covers_every_value_once() -> None:
    tree = trees.automatic({f"v{i}": i + 1 for i in range(23)}, fan_out=3)
    assert sorted(tree.leaves) == sorted(f"v{i}" for i in range(23))
    assert {row[-1] for row in tree.rows} == {"*"}


@pytest.mark.parametrize("make", [lambda v: trees.intervals(v, (5,), "x"), lambda v: trees.dates(v, "x")])
def test_values_that_a_kind_cannot_hold_are_counted_not_named(make: Callable[[list[str]], trees.Hierarchy]) -> None:
    with pytest.raises(HierarchyError, match="1 of 1 values of column 'x' are not") as caught:
        make(["secret-place"])
    assert "secret-place" not in str(caught.value)


def test_a_missing_hierarchy_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HierarchyError, match="relative to the specification"):
        trees.read_hierarchy(tmp_path / "nowhere.csv", "city")


@pytest.mark.parametrize("value", ["역삼동", " ", "Gangnam", "강남구 역삼동"])
def test_places_without_a_province_are_refused(value: str) -> None:
    with pytest.raises(HierarchyError, match=r"1 of 2 values of column 'home' are not regions that begin"):
        trees.regions(["서울특별시 강남구 역삼동", value], "home")


ROWS = [
    ("31", "30-39", "30-49", "*"),
    ("45", "40-49", "30-49", "*"),
    ("46", "40-49", "30-49", "*"),
    ("9", "child", "*"),
]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("head", [None, ("Age", "level 1", "level 2", "level 3"), ("value", "band", "half", "top")])
def test_a_file_of_any_delimiter_with_a_header_and_short_branches_is_read(
    tmp_path: Path, delimiter: str, head: tuple[str, ...] | None
) -> None:
    rows = ROWS if head is None else [head, *ROWS]
    # Spreadsheets fill short lines with empty cells.
    lines = [delimiter.join([*row, *[""] * (4 - len(row))]) for row in rows]
    path = tmp_path / "age.csv"
    path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    made = trees.read_hierarchy(path, "age")
    assert set(made.leaves) == {"31", "45", "46", "9"}
    assert ("9", "child", "child", "*") in made.rows
    # The contrast: with a delimiter that the file does not use, each line is one value.
    named = trees.read_hierarchy(path, "age", "~")
    assert named.height == 2


LINES = {
    "commas in values": "Seoul, Mapo, Hap, 1;Seoul;*\nSeoul, Jung, Euljiro, 1;Seoul;*\nBusan, Jung, Nampo, 1;B;*\n",
    "semicolons in quotes": '"a;b;c;d",x,*\n"e;f;g;h",x,*\n"i;j;k;l",y,*\n',
    "bars in values": "a|b|c\tx\t*\nd|e|f\ty\t*\n",
    "commas in labels": "18;18, 19;young, all;*\n19;18, 19;young, all;*\n60;60, 61;old, all;*\n",
}


@pytest.mark.parametrize("text", LINES.values(), ids=LINES.keys())
def test_a_delimiter_is_recognised_beside_others_inside_values(text: str) -> None:
    rows = trees.split_rows(text, "place", None)
    assert {row[-1] for row in rows} == {"*"}
    assert len({len(row) for row in rows}) == 1
    # Negative control: the character that occurs most often, as before, splits some of them wrongly.
    counted = {name: max(trees.DELIMITERS, key=lines.count) for name, lines in LINES.items()}
    assert counted["commas in values"] == ","
    assert counted["semicolons in quotes"] == ";"


def test_a_first_line_that_is_a_value_is_no_header(tmp_path: Path) -> None:
    path = tmp_path / "sex.csv"
    path.write_text("m;male\nf;female\n")
    assert trees.read_hierarchy(path, "sex").leaves == ("m", "f")


def test_labels_of_intervals_are_exact() -> None:
    made = trees.intervals(["1234567", "1234572.5", "-0.25", "0.3"], [0.1, 5], "amount")
    labels = {row[0]: row[1:] for row in made.rows}
    assert labels["1234567"] == ("[1234567, 1234567.1)", "[1234565, 1234570)", "*")
    assert labels["1234572.5"] == ("[1234572.5, 1234572.6)", "[1234570, 1234575)", "*")
    assert labels["0.3"] == ("[0.3, 0.4)", "[0, 5)", "*")
    assert labels["-0.25"] == ("[-0.3, -0.2)", "[-5, 0)", "*")
