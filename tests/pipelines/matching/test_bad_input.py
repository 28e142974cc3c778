"""Bad person files: they give a clear message, no large group of different people, and no lost row."""

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pipelines.cli.identity import app
from pipelines.matching.errors import NoIdentifierError
from pipelines.matching.mapping import Mapping, guess_mapping
from pipelines.matching.person_file import read_person_file
from pipelines.matching.resolution import Options, load_person, open_workspace, resolve

MANY = 100_000
NAME_PHONE = Mapping(name=("name",), phone=("phone",))


def _resolve(frame, mapping=NAME_PHONE):
    with open_workspace(Options(memory="1GB")) as workspace:
        return resolve(workspace, frame, mapping)


def _names(count):
    random = np.random.default_rng(3)
    letters = np.array(list("가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허"))
    drawn = random.choice(letters, (count, 2))
    return pd.Series(random.choice(list("김이박최정"), count)) + drawn[:, 0] + drawn[:, 1]


@pytest.mark.parametrize("phone", ["010-0000-0000", "010-1234-5678"])
def test_a_default_phone_on_100_000_records_makes_no_large_group(phone):
    frame = pd.DataFrame({"name": _names(MANY), "phone": phone}, dtype=object)
    answer = _resolve(frame)
    assert len(answer.group) == MANY
    assert np.unique(answer.group, return_counts=True)[1].max() <= 20
    # A warning says what was done with the phone: it was set to null, or was not used for blocking.
    assert any(f"{MANY} of {MANY} records have a phone" in w or f"phone: {MANY} records" in w for w in answer.warnings)


def test_5000_identical_rows_with_default_values_stay_5000_people():
    frame = pd.DataFrame({"name": ["고객"] * 5000, "phone": ["010-1234-5678"] * 5000}, dtype=object)
    answer = _resolve(frame)
    assert len(np.unique(answer.group)) == 5000
    assert any("phone: 5000 records" in w for w in answer.warnings)


@pytest.fixture(scope="module")
def people_without_empty_columns():
    """Return a file of two columns and its groups."""
    names = [*_names(300), *_names(300)]
    phones = [f"010-{n // 1000 + 2000}-{n % 1000 + 1000}" for n in range(300)] * 2
    frame = pd.DataFrame({"name": names, "phone": phones}, dtype=object)
    return frame, _resolve(frame).group


@pytest.mark.parametrize("empty", [None, "", "-", "N/A", "없음"])
def test_empty_columns_do_not_change_the_groups(empty, people_without_empty_columns):
    frame, groups = people_without_empty_columns
    wide = frame.assign(birth_date=empty, email=empty, address=empty, device=empty)
    mapping = Mapping(
        name=("name",), phone=("phone",), birth_date=("birth_date",), email=("email",), address=("address",),
        device=("device",),
    )  # fmt: skip
    assert (_resolve(wide, mapping).group == groups).all()


def test_a_file_of_empty_values_raises_an_error_without_values():
    frame = pd.DataFrame({"name": [None] * 4, "phone": ["010-0000-0000"] * 4}, dtype=object)
    with pytest.raises(NoIdentifierError, match="empty in all 4 records"):
        _resolve(frame)


def test_a_file_without_records_raises_an_error():
    with pytest.raises(NoIdentifierError, match="all 0 records"):
        _resolve(pd.DataFrame({"name": [], "phone": []}, dtype=object))


def test_a_file_without_identifying_columns_is_refused_with_a_hint_at_mapping():
    with pytest.raises(NoIdentifierError, match="--mapping"):
        guess_mapping(pd.DataFrame({"sex": ["m", "f"], "city": ["a", "b"]}, dtype=object))


def test_warnings_count_the_unreadable_values_of_each_column():
    frame = pd.DataFrame(
        {"name": ["김민준", "이서연", "박도윤"], "phone": ["010-2345-6789", "none", "123"], "dob": ["soon", "?", None]},
        dtype=object,
    )
    warnings = _resolve(frame, Mapping(name=("name",), phone=("phone",), birth_date=("dob",))).warnings
    assert any(w.startswith("2 of 3 records have a phone") for w in warnings)
    assert any(w.startswith("2 of 3 records have a dob") for w in warnings)


def test_mixed_encodings_and_repeated_ids_lose_no_row(tmp_path):
    path, out = tmp_path / "people.csv", tmp_path / "out.csv"
    rows = [f"7,{name},010-3456-78{n // 2:02}" for n, name in enumerate(["김민준", "김민준", "박서연", "박서연"])]
    lines = [row.encode("cp949" if n % 2 else "utf-8") for n, row in enumerate(rows)]
    path.write_bytes(b"\n".join([b"id,name,phone", *lines]))
    result = CliRunner().invoke(app, ["resolve", "--input", str(path), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "3 rows repeat a id" in result.output
    assert "mixes encodings and was read line by line: 3 UTF-8, 2 CP949" in result.output
    found = read_person_file(out)
    assert found["name"].tolist() == ["김민준", "김민준", "박서연", "박서연"]
    assert len(found["customer_id"]) == 4


@pytest.mark.parametrize("part", ["identifier", "phone"])
def test_a_value_that_all_records_share_does_not_join_namesakes(part):
    names = [f"{family}{given}" for family in "김이박최정강조윤" for given in ("민수", "영희", "서연", "지훈")] * 8
    frame = pd.DataFrame({"name": names, part: ["010-1234-5678"] * len(names)}, dtype=object)
    # Namesakes of other birth years, each twice.
    frame["birth"] = [f"{1950 + n // 32 * 6}-0{n % 9 + 1}-1{n % 7}" for n in range(len(names))]
    twice = pd.concat([frame, frame], ignore_index=True)
    twice.loc[300:, "birth"] = None
    answer = _resolve(twice, Mapping(name=("name",), birth_date=("birth",), **{part: (part,)}))
    assert any(f"{part}: 512 records" in w and "default value" in w for w in answer.warnings)
    born = twice["birth"].groupby(answer.group).nunique()
    assert born.max() == 1


def test_a_number_on_many_records_of_one_person_is_no_default_value():
    frame = pd.DataFrame({"name": ["김민수", "김민주"] * 75, "identifier": "77", "n": range(150)}, dtype=object)
    with open_workspace(Options(memory="1GB")) as workspace:
        assert not load_person(workspace, frame, Mapping(name=("name",), identifier=("identifier",)), Options())
        assert workspace.execute("select count(identifier_0) from person").fetchall() == [(150,)]


def test_cards_and_phones_in_scientific_notation_join_nobody_and_are_counted():
    frame = pd.DataFrame(
        {"name": _names(40), "card": ["9.41001E+15"] * 40, "phone": ["8.21001E+11"] * 40, "born": "1980-01-01"}
    )
    found = _resolve(frame, Mapping(name=("name",), identifier=("card",), phone=("phone",), birth_date=("born",)))
    assert len(set(found.group)) == frame["name"].nunique()
    assert sum("40" in warning for warning in found.warnings) >= 2


def test_a_record_with_two_phones_is_found_by_the_first():
    frame = pd.DataFrame({"name": _names(30), "phone": [f"010-0123-{n:04d}" for n in range(30)]})
    other = frame.assign(phone=frame["phone"] + " / 02-555-0100")
    group = _resolve(pd.concat([frame, other], ignore_index=True)).group
    assert (group[:30] == group[30:]).all()


def test_dates_of_joining_are_no_birth_dates() -> None:
    births, joined = [f"{1940 + n}-03-0{n % 9 + 1}" for n in range(60)], [f"{2019 + n % 6}-05-11" for n in range(60)]
    frame = pd.DataFrame({"name": [f"name {n}" for n in range(60)], "d1": births, "d2": joined}, dtype=object)
    assert guess_mapping(frame).birth_date == ("d1",)
    # A header that names the birth date leaves no other column to guess.
    assert guess_mapping(frame.rename(columns={"d2": "birth_date"})).birth_date == ("birth_date",)
    assert guess_mapping(frame.rename(columns={"d1": "birth_date", "d2": "joined_on"})).birth_date == ("birth_date",)
