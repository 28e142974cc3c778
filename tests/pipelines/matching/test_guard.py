"""People of one home stay apart where a part of the person clearly differs, and no third record joins them."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.identity.families import guards_off, rate, resolve_families
from bench.identity.family import KINDS, draw_families
from pipelines.evaluation.pair_metric import cluster_score
from pipelines.matching.cluster import Constraints, cluster
from pipelines.matching.comparison import comparisons_for
from pipelines.matching.explanation import explain
from pipelines.matching.guard import REFUSED_WEIGHT
from pipelines.matching.mapping import guess_mapping
from pipelines.matching.resolution import Options, open_workspace, resolve

STRANGERS = 150


def person(number: int, **values: str | None) -> dict[str, str | None]:
    return {
        "first_name": f"{'abdefghik'[number % 9]}o{'lmnrst'[number // 9 % 6]}ea{'nrt'[number % 3]}",
        "last_name": f"b{'aeiou'[number % 5]}{'dglmnrt'[number // 5 % 7]}ker{'sy'[number % 2]}",
        "dob": f"{1950 + number * 7 % 50}-{1 + number % 12:02}-{1 + number * 5 % 28:02}",
        "phone": f"010-0{number % 900:03}-{number * 37 % 9000:04}",
        "email": f"user{number}@mail.example",
        "address": f"{1 + number} Mill {'Lane' if number % 2 else 'Road'}",
    } | values


HOME = {"last_name": "Hamming", "phone": "010-0777-1234", "email": "home@mail.example", "address": "5 Quay Street"}


def people_of(*rows: dict[str, str | None]) -> list[int]:
    """Return the groups of the rows, in a file with other people who have two records each."""
    others = [person(n) for n in range(STRANGERS)] + [person(n, phone=None) for n in range(STRANGERS)]
    frame = pd.DataFrame([*rows, *others], dtype=object)
    with open_workspace(Options()) as workspace:
        return resolve(workspace, frame, guess_mapping(frame), Options()).group[: len(rows)].tolist()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(("Anna", "1990-03-05"), ("Betty", "1990-03-05"), id="twins"),
        pytest.param(("Arthur", "1950-03-05"), ("Arthur", "1976-03-05"), id="father and son"),
        pytest.param(("Arthur Sr", "1950-03-05"), ("Arthur Jr", None), id="suffixes"),
    ],
)
def test_two_people_of_one_home_stay_apart_and_each_keeps_their_records(first, second) -> None:
    rows = [person(n, **HOME, first_name=name, dob=dob) for n, (name, dob) in enumerate((first, second, first, second))]
    assert people_of(*rows) == [0, 1, 0, 1]
    with guards_off():
        assert people_of(*rows) == [0, 0, 0, 0]


def test_a_record_that_fits_both_of_two_people_joins_neither() -> None:
    father, son = (person(0, **HOME, first_name="Arthur", dob=dob) for dob in ("1950-03-05", "1976-03-05"))
    assert people_of(father, son, {**father, "dob": None}) == [0, 1, 2]


def test_names_one_letter_apart_are_two_people_if_both_are_repeated() -> None:
    mia, lia = (person(0, **HOME, first_name=name, dob="1990-03-05") for name in ("Marietta", "Mariette"))
    assert people_of(mia, lia, mia, lia) == [0, 1, 0, 1]
    assert people_of(mia, mia, lia) == [0, 0, 0]


pairs_of_nine = st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda p: p[0] < p[1])


@settings(max_examples=200)
@given(
    st.dictionaries(pairs_of_nine, st.floats(-12, 30), max_size=20),
    st.sets(pairs_of_nine, max_size=5),
    st.sets(pairs_of_nine, max_size=3),
)
def test_no_group_has_a_refused_pair_unless_a_steward_linked_it(weights, refused, linked) -> None:
    scored = {**weights, **dict.fromkeys(refused, REFUSED_WEIGHT)}
    ends = np.array(list(scored), dtype=np.int64).reshape(-1, 2)
    by_steward = np.array(list(linked), dtype=np.int64).reshape(-1, 2)
    found = cluster(9, ends[:, 0], ends[:, 1], np.array(list(scored.values())), Constraints(must_link=by_steward))
    assert all(found[a] == found[b] for a, b in linked)
    stewards = cluster(9, by_steward[:, 0], by_steward[:, 1], np.full(len(by_steward), 30.0))
    for a, b in refused:
        # Only records that the steward joined to one of the two may be with the other.
        assert found[a] != found[b] or stewards[a] == stewards[b] or _steward_joined(found, stewards, refused, a, b)


def _steward_joined(found, stewards, refused, a, b) -> bool:
    """Return whether a refused pair of the same two groups of the steward is itself linked."""
    return any(stewards[x] == stewards[y] and found[x] == found[a] for x, y in refused)


def test_a_group_is_cut_at_its_weakest_link() -> None:
    chain = {(0, 1): 12.0, (1, 2): 9.0, (2, 3): 12.0}
    ends = np.array([*chain, (0, 3)])
    weights = np.array([*chain.values(), REFUSED_WEIGHT])
    assert cluster(4, ends[:, 0], ends[:, 1], weights).tolist() == [0, 0, 2, 2]
    # Negative control: a pair that only scores low is outvoted.
    weights[-1] = 6.0
    assert cluster(4, ends[:, 0], ends[:, 1], weights).tolist() == [0, 0, 0, 0]


def test_columns_of_one_address_are_one_comparison() -> None:
    frame = pd.DataFrame([person(n) for n in range(40)] * 2, dtype=object)
    split = frame.drop(columns="address").assign(
        street_number=frame["address"].str.split().str[0], street_name=frame["address"].str.split(n=1).str[1]
    )
    weights = []
    for file in (frame, split):
        with open_workspace(Options()) as workspace:
            found = resolve(workspace, file, guess_mapping(file), Options())
            weights.append({s.comparison: s.weight for s in explain(workspace, found.model, 0, 40).steps})
    assert weights[0].keys() == weights[1].keys()
    assert weights[0]["address"] == pytest.approx(weights[1]["address"], abs=0.5)
    assert "house_number" not in [c.name for c in comparisons_for(["address", "house_number"])]


def test_columns_that_repeat_another_part_join_no_family() -> None:
    """The user name repeats the e-mail address, and the age the birth date."""
    data, family = draw_families(KINDS[0], 80, 6)
    frame = data.frame.assign(user_name=data.frame["이메일"].str.split("@").str[0], age=data.frame["생년월일"].str[:4])
    mapping = data.mapping.model_copy(update={"attribute": ("user_name", "age")})
    with open_workspace(Options()) as workspace:
        group = resolve(workspace, frame.drop(columns=[data.truth]), mapping, Options()).group
    assert rate(data, family, group).holds
    truth = pd.factorize(frame[data.truth])[0]
    assert cluster_score(truth, group).f1 > cluster_score(truth, resolve_families(data)).f1 - 0.01


def test_attributes_of_the_person_lift_a_guard() -> None:
    """A misread name does not make two people if the middle initial and the position in the household agree."""
    rows = []
    for n in range(400):
        wrong = n % 20 == 0
        home = person(n // 2, first_name=None, dob=None)
        values = person(n, **{k: home[k] for k in ("last_name", "phone", "email", "address")})
        values |= {"middle_initial": chr(65 + n * 7 % 26), "position": ("head", "spouse", "child", "other")[n % 4]}
        rows += [values, values | ({"first_name": "Xaverius"} if wrong else {})]
    frame = pd.DataFrame(rows, dtype=object)
    truth = np.repeat(np.arange(400), 2)
    scores = []
    for file in (frame, frame.drop(columns=["middle_initial", "position"])):
        with open_workspace(Options()) as workspace:
            scores.append(cluster_score(truth, resolve(workspace, file, guess_mapping(file), Options()).group))
    assert scores[0].precision == scores[1].precision == 1
    assert scores[0].recall > 0.99 > scores[1].recall


def test_pairs_of_a_component_that_share_no_blocking_key_are_refused_too() -> None:
    """The card with the phone of one person and the e-mail address of another joins them no longer."""
    anna = person(1, first_name="Anna", last_name="Bork", dob="1950-01-02", email=None, address="1 Low Road")
    card = person(2, first_name=None, last_name=None, dob=None, phone=anna["phone"], address="1 Low Road")
    cleo = person(
        3, first_name="Cleo", last_name="Dahl", dob="1991-07-08", phone=None, address=None, email=card["email"]
    )
    group = people_of(anna, card, cleo)
    assert group[0] != group[2]
    for a, b in itertools.combinations(range(3), 2):
        assert group[a] != group[b] or 1 in (a, b)
