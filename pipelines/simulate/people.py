"""Draws the people behind the accounts: the members of each household, their names and their registrations."""

import numpy as np
import pandas as pd

from pipelines.simulate.contact import draw_emails, draw_phones
from pipelines.simulate.names import draw_given, draw_surnames, full_name
from pipelines.simulate.random_stream import Bools, Ints, Texts, Times, between, chance
from pipelines.simulate.text import label, only

TODAY = np.datetime64("2017-07-01")  # reference date of ages


def draw_people(households: pd.DataFrame, replica: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return one row per person, sorted by household. Other tables refer to a person by the position of this row.

    Columns: person_id, household, role (head, spouse, child), sex, birth_date, is_korean, name, name_latin,
    surname_latin, given_latin, previous_name (None unless the person married in 2017 and took another name),
    married_on, phone (None for young children), email (None for children and a few others), is_member, is_principal,
    joined_on. Exactly one member of each household is the principal, to whom its baskets belong.
    """
    people = _members_of(households, rng)
    people["person_id"] = label(f"p{replica:03d}", np.arange(len(people)), 6)
    people = people.join(_names(people, households, rng))
    people["phone"] = draw_phones(people, replica, rng)
    people["email"] = draw_emails(people, replica, rng)
    return people.join(_registrations(people, rng))


def age_of(people: pd.DataFrame) -> Ints:
    """Return ages in whole years in the middle of 2017."""
    born = people["birth_date"].to_numpy().astype("datetime64[D]")
    return np.asarray((TODAY - born).astype(int) // 365.25, dtype=np.int64)


def _members_of(households: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    count = (households["adults"] + households["kids"]).to_numpy()
    home = np.repeat(np.arange(len(households)), count)
    nth = np.arange(len(home)) - np.repeat(np.cumsum(count) - count, count)
    adults = households["adults"].to_numpy()[home]
    role = np.where(nth == 0, "head", np.where(nth < adults, "spouse", "child")).astype(object)
    head_age = rng.integers(households["age_low"], households["age_high"] + 1)[home]
    age = np.where(nth == 0, head_age, np.clip(head_age + rng.integers(-6, 7, len(home)), 19, 90))
    oldest_child = np.clip(head_age - 22, 1, 24)
    age = np.where(role == "child", np.floor(rng.random(len(home)) * oldest_child), age).astype(int)
    head_is_male = chance(rng, 0.45, len(households))[home]
    is_male = np.where(role == "child", chance(rng, 0.51, len(home)), head_is_male ^ (role == "spouse"))
    born = TODAY - (age * 365.25 + rng.random(len(home)) * 365.25).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "household": home,
            "role": role,
            "sex": np.where(is_male, "M", "F").astype(object),
            "birth_date": born.astype("datetime64[s]"),
            "is_korean": households["is_korean"].to_numpy()[home],
        }
    )


def _names(people: pd.DataFrame, households: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Draw names. Children have the surname of a parent. English wives have that of their husband, some since 2017."""
    korean, role = people["is_korean"].to_numpy(), people["role"].to_numpy(object)
    sex, home = people["sex"].to_numpy(object), people["household"].to_numpy()
    surname, surname_latin = draw_surnames(rng, korean)
    born = people["birth_date"].dt.year.to_numpy(np.int64)
    given, given_latin = draw_given(rng, korean, sex, born)
    own = full_name(korean, surname, given)
    source = _namesake(role, sex, home)
    is_wife = ~korean & (sex == "F") & (role != "child") & households["is_married"].to_numpy()[home]
    takes = (role == "child") | is_wife
    surname, surname_latin = (np.where(takes, s[source], s) for s in (surname, surname_latin))
    name = full_name(korean, surname, given)
    is_recent = is_wife & (name != own) & (born > 1975) & chance(rng, 0.3, len(people))
    married = between(rng, np.datetime64("2017-03-01"), 240 * 86_400, len(people)).astype("datetime64[D]")
    married[~is_recent] = np.datetime64("NaT")
    return pd.DataFrame(
        {
            "name": name,
            "name_latin": given_latin + " " + surname_latin,
            "surname_latin": surname_latin,
            "given_latin": given_latin,
            "previous_name": only(own, is_recent),
            "married_on": married.astype("datetime64[s]"),
        }
    )


def _namesake(role: Texts, sex: Texts, home: Ints) -> Ints:
    """Return for each person the adult who gives the household its surname: a man if there is one, else the head."""
    giver = np.zeros(home.max() + 1, dtype=np.int64)
    for is_giver in (role == "head", (role != "child") & (sex == "M")):
        giver[home[is_giver]] = np.flatnonzero(is_giver)
    return giver[home]


def _registrations(people: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    size, role, age = len(people), people["role"].to_numpy(object), age_of(people)
    home = people["household"].to_numpy()
    has_spouse = np.bincount(home[role == "spouse"], minlength=home.max() + 1)[home] > 0
    spouse_leads = chance(rng, 0.2, home.max() + 1)[home] & has_spouse
    is_principal = np.where(spouse_leads, role == "spouse", role == "head")
    other = np.where(role == "child", np.where(age >= 10, 0.16, 0.0), 0.36)
    is_member = is_principal | chance(rng, other, size)
    return pd.DataFrame(
        {
            "is_principal": is_principal,
            "is_member": is_member,
            "joined_on": _joined(rng, people, is_principal).astype("datetime64[s]"),
        }
    )


def _joined(rng: np.random.Generator, people: pd.DataFrame, is_principal: Bools) -> Times:
    """Draw the day of registration: before 2017 for principals, and not before the tenth birthday."""
    days = np.where(is_principal, 6 * 365, 6 * 365 + 300)
    joined = between(rng, np.datetime64("2011-01-01"), days * 86_400, len(people)).astype("datetime64[D]")
    tenth_birthday = people["birth_date"].to_numpy().astype("datetime64[D]") + np.timedelta64(3653, "D")
    return np.asarray(np.maximum(joined, tenth_birthday))
