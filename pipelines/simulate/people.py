"""Draws the people behind the accounts: the members of each household, their names and their registrations."""

import numpy as np
import pandas as pd

from pipelines.simulate import lookalike
from pipelines.simulate.contact import draw_emails, draw_phones
from pipelines.simulate.names import draw_given, draw_surnames, full_name
from pipelines.simulate.random_stream import Bools, Ints, Streams, Texts, Times, between, chance
from pipelines.simulate.rates import Rates
from pipelines.simulate.text import label, only

TODAY = np.datetime64("2017-07-01")  # reference date of ages
_YOUNGEST_MEMBER = 10  # years


def draw_people(households: pd.DataFrame, rates: Rates, streams: Streams) -> pd.DataFrame:
    """Return one row per person, sorted by household. Other tables refer to a person by the position of this row.

    Columns: person_id, household, role (head, spouse, child), sex, birth_date, is_korean, name, surname, given,
    name_latin, surname_latin, given_latin, name_native and name_hangul (the name in another script, or None),
    previous_name (None unless the person married in 2017 and took another name), married_on, phone (None for young
    children), email (None for children and a few others), identity_case, is_member, is_principal, joined_on. Exactly
    one member of each household is the principal, to whom its baskets belong. `identity_case` is the name of the rate
    by which a person is difficult to tell apart or to recognise, None for most people.
    """
    rng, alike = streams.generator("people"), streams.generator("lookalike")
    people = _members_of(households, rng).assign(identity_case=None)
    people = lookalike.with_twins(people, rates.twins, alike, age_of(people) >= _YOUNGEST_MEMBER)
    people["person_id"] = label(f"p{streams.replica:03d}", np.arange(len(people)), 6)
    people = people.join(_names(people, households, rates.married_names, rng))
    is_old = age_of(people) >= _YOUNGEST_MEMBER
    people = lookalike.with_foreigners(people, rates.foreigners, alike)
    people = lookalike.with_names_of_their_own(people, alike)
    people = lookalike.with_namesakes(people, rates.namesakes, alike, is_old)
    people = lookalike.with_hangul_names(people)
    people["phone"] = draw_phones(people, streams.replica, rng)
    people["email"] = draw_emails(people, streams.replica, rng)
    people = lookalike.with_shared_contacts(people, rates.shared_contacts, alike)
    married = people["identity_case"].isna() & people["previous_name"].notna()
    people["identity_case"] = people["identity_case"].mask(married, "married_names")
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


def _names(people: pd.DataFrame, households: pd.DataFrame, married: float, rng: np.random.Generator) -> pd.DataFrame:
    """Draw names. Children have the surname of a parent. English wives have that of their husband.

    `married` is the share of the younger wives who have it since 2017.
    """
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
    is_recent = is_wife & (name != own) & (born > 1975) & chance(rng, married, len(people))
    married_on = between(rng, np.datetime64("2017-03-01"), 240 * 86_400, len(people)).astype("datetime64[D]")
    married_on[~is_recent] = np.datetime64("NaT")
    return pd.DataFrame(
        {
            "name": name,
            "surname": surname,
            "given": given,
            "name_latin": given_latin + " " + surname_latin,
            "surname_latin": surname_latin,
            "given_latin": given_latin,
            "previous_name": only(own, is_recent),
            "married_on": married_on.astype("datetime64[s]"),
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
    other = np.where(role == "child", np.where(age >= _YOUNGEST_MEMBER, 0.16, 0.0), 0.36)
    # People who resemble each other all register, so that the registers have them.
    resembles = people["identity_case"].isin(("twins", "shared_contacts", "namesakes")) & (age >= _YOUNGEST_MEMBER)
    is_member = is_principal | chance(rng, other, size) | resembles.to_numpy()
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
