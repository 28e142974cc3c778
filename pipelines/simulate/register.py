"""Draws the rows of the membership register (`crm_customer`) and of the card system (`loyalty_card`)."""

import numpy as np
import pandas as pd

from pipelines.simulate.address import at_home
from pipelines.simulate.contact import join_phones, new_phones, write_emails, write_phones
from pipelines.simulate.export_cutoff import EXPORTED_AT
from pipelines.simulate.member import misspell
from pipelines.simulate.people import age_of
from pipelines.simulate.random_stream import Ints, Texts, between, chance, choose
from pipelines.simulate.records import Records
from pipelines.simulate.text import day_text, given, label, only
from pipelines.simulate.world import World


def draw_crm_customers(world: World, rng: np.random.Generator) -> Records:
    """Return one row per registration, in its state at the end of 2017. Some people registered twice."""
    members, people = world.members, world.people
    person = members["person"].to_numpy()
    repeat = members["is_repeat"].to_numpy()
    size, home = len(person), people["household"].to_numpy()[person]
    joined = members["joined_on"].to_numpy()
    name, has_typo = _names(world, rng)
    knows_move = world.has_moved(home, np.full(size, EXPORTED_AT)) & ~repeat & chance(rng, 0.85, size)
    place = world.regions.iloc[
        np.where(
            knows_move,
            world.households["new_dong"].to_numpy()[home],
            world.households["dong"].to_numpy()[home],
        )
    ]
    column = np.where(repeat, "variant", "address")
    address = np.where(
        column == "variant",
        at_home(world.homes.iloc[home], world.new_homes.iloc[home], knows_move, "variant"),
        at_home(world.homes.iloc[home], world.new_homes.iloc[home], knows_move, "address"),
    )
    shows_place = ~chance(rng, 0.03, size)
    phone, has_two = _with_second_phones(world, person, write_phones(rng, _phones(world, rng)), rng)
    frame = pd.DataFrame(
        {
            "member_no": members["member_no"],
            "name": name,
            "name_latin": only(_latin_names(world, person, rng), chance(rng, 0.3, size)),
            "birth_date": _birth_dates(people["birth_date"].to_numpy()[person], rng),
            "sex": only(_sex_codes(world.column("sex")[person], rng), ~chance(rng, 0.02, size)),
            "phone": phone,
            "email": write_emails(rng, only(world.column("email")[person], ~repeat | chance(rng, 0.4, size))),
            "address": only(address, ~chance(rng, 0.02, size)),
            "postal_code": only(place["postal_code"].to_numpy(object), ~chance(rng, 0.05, size)),
            "sido": only(place["sido"].to_numpy(object), shows_place),
            "sigungu": only(place["sigungu"].to_numpy(object), shows_place),
            "dong": only(place["dong"].to_numpy(object), shows_place),
            "account_no": world.account(home),
            "is_principal": np.where(people["is_principal"].to_numpy()[person] & ~repeat, "Y", "N").astype(object),
            "joined_on": day_text(joined),
            "status": choose(rng, ["정상", "휴면", "탈퇴"], [93, 5, 2], size),
            "updated_at": _updated(world, joined, knows_move, rng),
        }
    )
    records = Records("crm_customer", frame, "member_no", person)
    records.mark("repeated_registration", np.flatnonzero(repeat), "member_no")
    records.mark("typo", np.flatnonzero(has_typo), "name")
    records.mark("two_phones", np.flatnonzero(has_two), "phone")
    return records


def draw_loyalty_cards(world: World, rng: np.random.Generator) -> Records:
    """Return one row per card. Each account has a card of its principal, some a second card of another adult."""
    principal = world.principal
    family = _another_adult(world)
    holder = np.concatenate([principal, family[chance(rng, 0.25, len(family))]])
    size, home = len(holder), world.people["household"].to_numpy()[holder]
    number = world.replica * 100_000 + np.arange(size)
    digits = label("", 10_000_000 + number * 7919, 12)
    has_hyphens = chance(rng, 0.4, size)
    card = [f"9410-{d[:4]}-{d[4:8]}-{d[8:]}" if h else f"9410{d}" for d, h in zip(digits, has_hyphens, strict=True)]
    has_typo = chance(rng, 0.02, size)
    issued = between(rng, np.datetime64("2011-01-01"), 6 * 365 * 86_400, size)
    # A card has the name of the day of issue.
    name, former = world.column("name")[holder], world.column("previous_name")[holder]
    name = np.where(given(former) & (issued < world.people["married_on"].to_numpy()[holder]), former, name)
    name = _in_other_script(world, holder, name, ["name_hangul"], rng)
    name[has_typo] = misspell(rng, name[has_typo])
    phone = write_phones(rng, only(world.column("phone")[holder], ~chance(rng, 0.08, size)))
    phone, has_two = _with_second_phones(world, holder, phone, rng)
    frame = pd.DataFrame(
        {
            "card_no": card,
            "member_name": only(name, ~chance(rng, 0.03, size)),
            "phone": phone,
            "account_no": world.account(home),
            "issued_on": day_text(issued),
            "card_type": choose(rng, ["일반", "골드", "가족", "모바일"], [60, 12, 8, 20], size),
            "point_balance": np.floor(rng.lognormal(7, 1.2, size)).astype(int),
        }
    )
    frame["point_balance"] = frame["point_balance"].astype("Int64")
    records = Records("loyalty_card", frame, "card_no", holder)
    records.mark("typo", np.flatnonzero(has_typo), "member_name")
    records.mark("two_phones", np.flatnonzero(has_two), "phone")
    return records


def _names(world: World, rng: np.random.Generator) -> tuple[Texts, np.ndarray]:
    """Return the registered name of each registration, and a mask of misspelt names.

    Some newly married people are still registered under their previous name.
    """
    person, repeat = world.members["person"].to_numpy(), world.members["is_repeat"].to_numpy()
    name, previous = world.column("name")[person], world.column("previous_name")[person]
    keeps = given(previous) & (repeat | chance(rng, 0.4, len(person)))
    name = np.where(keeps, previous, name)
    uses_latin = repeat & chance(rng, 0.25, len(person))
    name = np.where(uses_latin, world.column("name_latin")[person], name)
    name = _in_other_script(world, person, name, ["name_native", "name_hangul"], rng)
    has_typo = chance(rng, np.where(repeat, 0.3, 0.01), len(person)) & ~uses_latin
    name[has_typo] = misspell(rng, name[has_typo])
    return name, has_typo


def _in_other_script(world: World, person: Ints, name: Texts, columns: list[str], rng: np.random.Generator) -> Texts:
    """Return the names; a share of those of foreigners is in the first of the scripts in which they have a name."""
    other = world.people[columns].bfill(axis=1).iloc[:, 0].to_numpy(object)[person]
    return np.where(given(other) & chance(rng, world.rates.two_scripts, len(person)), other, name)


def _with_second_phones(world: World, person: Ints, phone: Texts, rng: np.random.Generator) -> tuple[Texts, np.ndarray]:
    """Return the phone fields and a mask of those that hold a second number, of the household or of nobody else."""
    has_two = given(phone) & chance(rng, world.rates.two_phones, len(person))
    rows = np.flatnonzero(has_two)
    own, home = world.column("phone"), world.people["household"].to_numpy()
    head = np.searchsorted(home, home[person[rows]])
    other = np.minimum(head + 1, len(home) - 1)
    second = np.where(person[rows] == head, own[other], own[head])
    fresh = new_phones(world.people["is_korean"].to_numpy()[person[rows]], 18_000 + rows, world.replica, rng)
    lacks = ~given(second) | (second == own[person[rows]]) | ((person[rows] == head) & (home[other] != home[head]))
    both = phone.copy()
    both[rows] = [join_phones(*pair) for pair in zip(phone[rows], np.where(lacks, fresh, second), strict=True)]
    return both, has_two


def _latin_names(world: World, person: Ints, rng: np.random.Generator) -> Texts:
    """Return names in Latin letters, each in one of the usual forms: Minsu Kim, Kim Minsu, KIM MINSU."""
    given, surname = world.column("given_latin")[person], world.column("surname_latin")[person]
    style = rng.random(len(person))
    eastern = surname + " " + given
    capitals = np.array([text.upper() for text in eastern], dtype=object)
    return np.select([style < 0.5, style < 0.75], [given + " " + surname, eastern], capitals)


def _birth_dates(born: np.ndarray, rng: np.random.Generator) -> Texts:
    text, style = day_text(born), rng.random(len(born))
    styles = [(0.7, "-"), (0.85, ""), (0.95, "."), (1.0, "/")]
    written = [
        next(t.replace("-", mark) for edge, mark in styles if u < edge) for t, u in zip(text, style, strict=True)
    ]
    return only(np.array(written, dtype=object), ~chance(rng, 0.04, len(born)))


def _sex_codes(sex: Texts, rng: np.random.Generator) -> Texts:
    code = np.array([["남", "M", "1"], ["여", "F", "2"]], dtype=object)
    form = np.searchsorted([0.8, 0.95, 1.0], rng.random(len(sex)), side="right")
    return np.asarray(code[(sex == "F").astype(int), form], dtype=object)


def _phones(world: World, rng: np.random.Generator) -> Texts:
    """Return the registered phone numbers; half of the repeated registrations have a new number."""
    person, repeat = world.members["person"].to_numpy(), world.members["is_repeat"].to_numpy()
    korean = world.people["is_korean"].to_numpy()[person]
    fresh = new_phones(korean, 10_000 + np.arange(len(person)), world.replica, rng)
    phone = np.where(repeat & chance(rng, 0.5, len(person)), fresh, world.column("phone")[person])
    return only(phone, ~chance(rng, 0.03, len(person)))


def _updated(world: World, joined: np.ndarray, knows_move: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw the time of the last update: some time since joining, and not before a reported move."""
    person = world.members["person"].to_numpy()
    home = world.people["household"].to_numpy()[person]
    span = (EXPORTED_AT - joined.astype("datetime64[s]")).astype(int)
    updated = between(rng, joined.astype("datetime64[s]"), np.maximum(span, 1), len(joined))
    moved = world.households["moved_on"].to_numpy()[home].astype("datetime64[s]") + np.timedelta64(90_000, "s")
    return np.where(knows_move, np.maximum(updated, moved), updated).astype("datetime64[s]")


def _another_adult(world: World) -> Ints:
    """Return the positions of the adults who are not the principal of their household."""
    people = world.people
    return np.flatnonzero(~people["is_principal"].to_numpy() & (age_of(people) >= 19))
