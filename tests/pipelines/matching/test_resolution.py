"""Resolving small files of Korean and English people, with families and bad input."""

import numpy as np
import pandas as pd
import pytest

from pipelines.matching.cluster import Constraints
from pipelines.matching.errors import NoIdentifierError
from pipelines.matching.mapping import Mapping, guess_mapping
from pipelines.matching.resolution import Options, open_workspace, resolve

SYLLABLES = "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고노도로모보소오조초코토포호"


def _people(count, seed=0):
    """Return two records of each of `count` random Korean people; the second is written in another way."""
    random = np.random.default_rng(seed)
    rows = []
    for n in range(count):
        name = "김이박최정"[random.integers(5)] + "".join(random.choice(list(SYLLABLES), 2))
        birth = f"{random.integers(1940, 2005)}-{random.integers(1, 13):02}-{random.integers(1, 29):02}"
        phone = f"010-{random.integers(2000, 9999)}-{random.integers(1000, 9999)}"
        rows.append({"name": name, "birth_date": birth, "phone": phone, "person": str(n)})
        other = {"name": f"{name} 님", "birth_date": birth.replace("-", ""), "phone": phone.replace("-", " ")}
        rows.append({**other, "person": str(n)})
    return pd.DataFrame(rows, dtype=object)


def _resolve(frame, mapping=None, constraints=None):
    with open_workspace(Options(memory="1GB")) as workspace:
        return resolve(workspace, frame, mapping or guess_mapping(frame, ["person"]), Options(), constraints)


def test_finds_people_written_in_two_ways():
    people = _people(200)
    group = _resolve(people).group
    assert (group[0::2] == group[1::2]).mean() > 0.98
    assert len(np.unique(group)) >= 195


def test_two_runs_give_the_same_groups():
    people = _people(100)
    assert (_resolve(people).group == _resolve(people).group).all()


def test_a_shared_phone_and_address_do_not_join_a_family():
    people = _people(150)
    people["address"] = [f"서울시 강남구 테헤란로 {n // 2}" for n in range(len(people))]
    father = {
        "name": "한동수",
        "birth_date": "1960-03-04",
        "phone": "010-7777-1234",
        "address": "부산시 중구 대청로 9",
    }
    daughter = {**father, "name": "한예린", "birth_date": "1992-11-20"}
    unknown_birth = {**father, "name": "유정화", "birth_date": None}
    family = pd.DataFrame([father, daughter, unknown_birth, father], dtype=object)
    group = _resolve(pd.concat([people, family], ignore_index=True)).group[-4:]
    assert group[0] == group[3]
    assert len(set(group[:3])) == 3


def test_a_default_phone_makes_no_large_group():
    people = _people(300)
    default = pd.DataFrame(
        [{"name": f"{n:05d}번", "birth_date": None, "phone": "010-1111-2222", "person": None} for n in range(3000)],
        dtype=object,
    )
    frame = pd.concat([people, default], ignore_index=True)
    answer = _resolve(frame)
    assert np.unique(answer.group, return_counts=True)[1].max() <= 10
    assert len(answer.group) == len(frame)
    assert any("phone" in w for w in answer.warnings)


def test_a_file_without_usable_identifiers_is_refused():
    with pytest.raises(NoIdentifierError, match="No usable identifier"):
        guess_mapping(pd.DataFrame({"colour": ["red", "blue", "red", "red"]}, dtype=object))
    empty = pd.DataFrame({"name": [None, None], "phone": ["", "010-0000-0000"]}, dtype=object)
    with pytest.raises(NoIdentifierError, match="empty in all 2 records"):
        _resolve(empty, Mapping(name=("name",), phone=("phone",)))


def test_repeated_record_ids_lose_no_row():
    people = _people(50).assign(id="same")
    answer = _resolve(people, Mapping(record_id="id", name=("name",), birth_date=("birth_date",), phone=("phone",)))
    assert len(answer.group) == len(people)
    assert any("repeat" in w for w in answer.warnings)


def test_a_unique_number_is_mapped_to_record_id_and_not_compared():
    frame = _people(20).assign(회원번호=[f"M{n}" for n in range(40)])
    mapping = guess_mapping(frame, ["person"])
    assert (mapping.record_id, mapping.identifier) == ("회원번호", ())


def test_must_link_joins_and_cannot_link_separates_records():
    people = _people(60)
    pair = np.array([[0, 1]], dtype=np.int64)
    assert _resolve(people).group[1] == 0
    assert _resolve(people, constraints=Constraints(cannot_link=pair)).group[1] == 1
    strangers = np.array([[0, 2]], dtype=np.int64)
    assert _resolve(people, constraints=Constraints(must_link=strangers)).group[2] == 0


def test_records_without_common_keys_stay_apart():
    alone = pd.DataFrame({"name": ["김민준", "Smith, John"], "phone": ["010-2345-6789", None]}, dtype=object)
    assert _resolve(alone).group.tolist() == [0, 1]
