"""The people who are difficult to recognise are drawn at their rates, and the truth names them."""

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.simulate.errors import SimulationError
from pipelines.simulate.lookalike import is_alike
from pipelines.simulate.people import age_of, draw_people
from pipelines.simulate.random_stream import Streams
from pipelines.simulate.rates import Rates, read_rates
from pipelines.simulate.simulation import simulate

from .landed import DAMAGED_CARD, Landed

_NONE = dict.fromkeys(Rates.model_fields, 0.0)
_PAIRS = ("twins", "shared_contacts", "namesakes")


def _people(**rates: float) -> pd.DataFrame:
    """Return the people of 600 families of two adults and two children, half of them Korean."""
    size = 600
    households = pd.DataFrame(
        {
            "age_low": 45,
            "age_high": 54,
            "adults": 2,
            "kids": 2,
            "is_married": True,
            "is_korean": np.arange(size) % 2 == 0,
        }
    )
    return draw_people(households, Rates(**(_NONE | rates)), Streams(5, 0))


def _pairs(people: pd.DataFrame, case: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the first and the second person of each household with the case."""
    marked = people[people["identity_case"] == case].sort_values("household", kind="stable")
    assert (marked.groupby("household").size() == 2).all()
    return marked.iloc[::2].reset_index(drop=True), marked.iloc[1::2].reset_index(drop=True)


def test_without_rates_nobody_is_difficult_to_recognise() -> None:
    people = _people()
    assert people["identity_case"].isna().all()
    assert people["name_native"].isna().all()


@pytest.mark.parametrize("case", _PAIRS)
def test_the_rate_is_a_share_of_the_families_that_may_have_the_case(case: str) -> None:
    half, every = (len(_pairs(_people(**{case: rate}), case)[0]) for rate in (0.5, 1.0))
    assert 0.4 < half / every < 0.6
    assert every > 60
    assert _pairs(_people(**{case: 1.0}), case)[0]["is_member"].mean() > 0.9


def test_twins_have_one_birthday_and_names_that_differ_by_more_than_a_letter() -> None:
    first, second = _pairs(_people(twins=1.0), "twins")
    assert (first["birth_date"] == second["birth_date"]).all()
    assert not any(map(is_alike, first["given"], second["given"]))
    assert 0.6 < (first["sex"] == second["sex"]).mean() < 0.95
    assert first["is_korean"].any()


def test_couples_have_one_phone_and_one_email() -> None:
    first, second = _pairs(_people(shared_contacts=1.0), "shared_contacts")
    for name in ("phone", "email"):
        assert first[name].equals(second[name])
    assert (first["sex"] != second["sex"]).all()


def test_father_and_son_have_one_name_and_birthdays_a_generation_apart() -> None:
    first, second = _pairs(_people(namesakes=1.0), "namesakes")
    assert (first["name"].str.replace(" Sr.", "") == second["name"].str.replace(" Jr.", "")).all()
    assert (first["sex"] + second["sex"] == "MM").all()
    assert (second["birth_date"] - first["birth_date"] > pd.Timedelta(days=20 * 365)).all()
    assert 0.5 < second["name"].str.endswith(" Jr.").mean() < 0.8
    assert not first["is_korean"].any()


def test_foreigners_have_a_name_in_their_script_in_latin_letters_and_in_hangul() -> None:
    people = _people(foreigners=1.0)
    foreign = people[people["identity_case"] == "foreigners"]
    assert len(foreign) == (~people["is_korean"]).sum()
    assert foreign["name"].str.fullmatch(r"[A-Za-z ]+").all()
    assert foreign["name_hangul"].str.fullmatch(r"[가-힣 ]+").all()
    scripts = {unicodedata.name(name[0]).split()[0] for name in foreign["name_native"]}
    assert scripts == {"CJK", "CYRILLIC", "LATIN"}
    assert people.loc[people["is_korean"], "name_hangul"].isna().all()
    assert not foreign.duplicated(["household", "given"]).any()


def test_only_children_of_ten_or_older_are_members() -> None:
    people = _people(**dict.fromkeys(_PAIRS, 1.0))
    members = people[people["is_member"]]
    assert (members["joined_on"] - members["birth_date"] >= pd.Timedelta(days=3652)).all()
    assert age_of(members).min() >= 10


@pytest.fixture(scope="module")
def difficult(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """A market in which all names of foreigners are in another script, and all phone fields hold two numbers."""
    out: Path = tmp_path_factory.mktemp("difficult")
    rates = Rates(two_scripts=1.0, two_phones=1.0, married_names=1.0, scientific_ids=0.02)
    simulate(out, seed=4, households=60, rates=rates)
    return Landed(out)


def test_registers_have_other_scripts_and_second_phones_where_the_truth_says_so(difficult: Landed) -> None:
    people = difficult.truth("person").set_index("person_id")
    person = difficult.truth("record").query("source == 'crm_customer'").set_index("key")["person_id"]
    members = difficult.clean("crm_customer")
    truth = people.loc[person.loc[members["member_no"]]].reset_index(drop=True)
    foreign = ~truth["is_korean"].to_numpy()
    other = truth["name_native"].fillna(truth["name_hangul"])[foreign].str.replace(" ", "")
    spelt_well = members["name"].str.replace(" ", "").to_numpy()[foreign] == other.to_numpy()
    assert foreign.sum() > 5
    assert spelt_well.mean() > 0.8  # the others have a typing error or a former name
    phones = members["phone"].dropna()
    assert phones.str.count(r"\d").between(19, 25).all()
    assert set(members.loc[phones.index, "member_no"]) <= set(difficult.dirt().query("kind == 'two_phones'")["key"])


def test_damaged_numbers_are_listed_as_rows_that_break_the_contract(difficult: Landed) -> None:
    planted = difficult.dirt().query("kind == 'scientific_id'")
    assert planted["breaks_contract"].all()
    assert set(planted["source"]) == {"crm_customer", "loyalty_card", "delivery"}
    cards = planted.query("source == 'loyalty_card'")
    assert (difficult.frame("loyalty_card")["card_no"] == DAMAGED_CARD).sum() == len(cards) >= 1


def test_the_documented_rates_are_the_defaults() -> None:
    text = Path(__file__).parents[3].joinpath("docs/simulator.md").read_text("utf-8")
    documented = {
        cells[1].strip(" `"): cells[2].strip() for line in text.splitlines() if len(cells := line.split("|")) == 6
    }
    defaults = {name: f"{value:g}" for name, value in Rates().model_dump().items()}
    assert {name: documented.get(name) for name in defaults} == defaults


@pytest.mark.parametrize("text", ["triplets=0.1", "twins=2", "twins", "twins=many"])
def test_an_unknown_rate_is_refused_with_the_names_of_all(text: str) -> None:
    assert read_rates(["twins=0.5"]).twins == 0.5
    with pytest.raises(SimulationError, match=r"NAME=SHARE.*namesakes"):
        read_rates([text])
