"""Files of families that must stay families, and of names in other forms. The folder `case` says what is expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from pipelines.cli.identity import app
from pipelines.matching.person_file import read_person_file

CASES = Path(__file__).parent / "case"


def resolved(case: str, folder: Path) -> pd.DataFrame:
    """Return the output of `bojagi identity resolve` for a case."""
    out = folder / "out.csv"
    result = CliRunner().invoke(app, ["resolve", "--input", str(CASES / case / "in.csv"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    return read_person_file(out)


def groups(ids: Sequence[str]) -> set[frozenset[int]]:
    """Return the row numbers of each person."""
    return {frozenset(rows) for rows in pd.Series(range(len(ids))).groupby(list(ids)).agg(list)}


def test_twins_stay_two_people(tmp_path: Path) -> None:
    found = resolved("06-twins", tmp_path)
    twins = {frozenset({row, row + 1}) for row in range(0, 40, 2)}
    assert groups(found["customer_id"]) == twins | {frozenset({row}) for row in range(40, 190)}


@pytest.mark.parametrize("case", ["12-senior-junior", "16-couple-one-email"])
def test_two_people_of_one_home_stay_two_people_with_two_records_each(case: str, tmp_path: Path) -> None:
    found = resolved(case, tmp_path)
    expected = {frozenset({row, row + 2}) for start in range(0, 160, 4) for row in (start, start + 1)}
    assert groups(found["customer_id"]) == expected


def test_romanised_names_of_three_words_match_their_hangul(tmp_path: Path) -> None:
    found = resolved("21-romanised-three-words", tmp_path)
    assert groups(found["customer_id"]) == {frozenset({row, row + 1}) for row in range(0, 12, 2)}


def test_a_column_customer_id_of_the_file_is_kept(tmp_path: Path) -> None:
    found = resolved("07d-reserved-headers", tmp_path)
    given = read_person_file(CASES / "07d-reserved-headers" / "in.csv")
    pd.testing.assert_frame_equal(found[list(given.columns)], given)
    assert found["bojagi_customer_id"].str.fullmatch(r"c_[a-z2-7]{26}").all()
