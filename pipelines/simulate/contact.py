"""Draws phone numbers and e-mail addresses that belong to no real person, in the spellings that people use.

Korean numbers are from the blocks 010-0xxx and 010-1xxx, which are assigned to no telephone company. American numbers
are from 555-0100 to 555-0199, which are reserved for fiction. E-mail domains end in .example (RFC 2606).
"""

import numpy as np
import pandas as pd

from pipelines.simulate.random_stream import Bools, Floats, Ints, Texts, chance, choose
from pipelines.simulate.text import load_table, only

_KOREAN_NUMBERS = 20_000_000
_PER_REPLICA = 20_000  # numbers that are reserved for each replica, so that replicas share none
_STRIDE = 7_368_787  # coprime to the count of numbers, so neighbouring people get distant numbers
_FIELD_LENGTH = 30  # characters of the phone fields of the registers
_DOMAINS = {
    "naver.example": 36.0,
    "gmail.example": 34.0,
    "daum.example": 10.0,
    "kakao.example": 9.0,
    "nate.example": 5.0,
    "outlook.example": 6.0,
}


def draw_phones(people: pd.DataFrame, replica: int, rng: np.random.Generator) -> Texts:
    """Return each person's phone number in E.164 form.

    Some spouses and children share the number of the head of the household. Children under nine have None.
    """
    phone = new_phones(people["is_korean"].to_numpy(), np.arange(len(people)), replica, rng)
    role, home = people["role"].to_numpy(object), people["household"].to_numpy()
    head = np.searchsorted(home, home)
    age = 2017 - people["birth_date"].dt.year.to_numpy()
    shares = ((role == "spouse") & chance(rng, 0.05, len(people))) | (
        (role == "child") & chance(rng, np.where(age < 14, 0.6, 0.1), len(people))
    )
    phone = np.where(shares, phone[head], phone)
    return only(phone, (role != "child") | (age >= 9))


def new_phones(is_korean: Bools, index: Ints, replica: int, rng: np.random.Generator) -> Texts:
    """Return a phone number for each index below 20,000. Different indices give different Korean numbers."""
    number = (replica * _PER_REPLICA + index) * _STRIDE % _KOREAN_NUMBERS
    korean = np.array([f"+8210{n:08d}" for n in number.tolist()], dtype=object)
    areas = load_table("area_code")["area_code"].tolist()
    fiction = (replica * _PER_REPLICA + index).tolist()
    american = [f"+1{areas[n // 100 % len(areas)]}55501{n % 100:02d}" for n in fiction]
    return np.where(is_korean | chance(rng, 0.6, len(index)), korean, np.array(american, dtype=object))


def write_phones(rng: np.random.Generator, phones: Texts) -> Texts:
    """Return E.164 numbers as people type them, such as 010-0123-4567 or (212) 555-0100; None stays None."""
    style = rng.random(len(phones))
    return np.array([_write_phone(p, u) for p, u in zip(phones, style.tolist(), strict=True)], dtype=object)


def _write_phone(phone: str | None, style: float) -> str | None:
    if phone is None:
        return None
    if phone.startswith("+1"):
        area, middle, last = phone[2:5], phone[5:8], phone[8:]
        return f"({area}) {middle}-{last}" if style < 0.5 else f"+1 {area} {middle} {last}" if style < 0.8 else phone
    middle, last = phone[5:9], phone[9:]
    if style < 0.55:
        return f"010-{middle}-{last}"
    if style < 0.75:
        return f"010{middle}{last}"
    if style < 0.85:
        return f"+82-10-{middle}-{last}"
    if style < 0.92:
        return f"010 {middle} {last}"
    return f"010.{middle}.{last}" if style < 0.96 else f"+8210{middle}{last}"


def join_phones(written: str, second: str) -> str:
    """Return a field with a number as it was typed, and a second one given in E.164 form.

    >>> join_phones("010-0123-4567", "+821007654321"), join_phones("010 0123 4567", "+821012345678")
    ('010-0123-4567 / 01007654321', '010 0123 4567, 01012345678')
    """
    plain = "0" + second[3:] if second.startswith("+82") else second
    mark = "/" if len(written) + len(plain) > _FIELD_LENGTH - 3 else ", " if " " in written else " / "
    return f"{written}{mark}{plain}"


def draw_emails(people: pd.DataFrame, replica: int, rng: np.random.Generator) -> Texts:
    """Return an e-mail address made of each person's name.

    People with the same address get a number in it. A few spouses share the address of the head of the household.
    Children under twelve and a few others have None.
    """
    size = len(people)
    given, surname = (
        people[name].str.lower().str.replace("[' ]", "", regex=True).to_numpy(object)
        for name in ("given_latin", "surname_latin")
    )
    year = (people["birth_date"].dt.year % 100).map("{:02d}".format).to_numpy(object)
    style = rng.random(size)
    local = np.select(
        [style < 0.3, style < 0.55, style < 0.8],
        [given + "." + surname, surname + given + year, given + surname + year],
        np.array([g[0] for g in given], dtype=object) + surname + year,
    )
    domain = choose(rng, list(_DOMAINS), list(_DOMAINS.values()), size)
    taken = pd.Series(local + "@" + domain).groupby(local + "@" + domain, sort=False).cumcount().to_numpy()
    number = taken + 1 + replica * 1000
    suffix = np.where((taken > 0) | (replica > 0), "_" + number.astype(str).astype(object), "")
    email = local + suffix + "@" + domain
    head = np.searchsorted(people["household"].to_numpy(), people["household"].to_numpy())
    shares = (people["role"].to_numpy() == "spouse") & chance(rng, 0.015, size)
    email = np.where(shares, email[head], email)
    is_child = 2017 - people["birth_date"].dt.year.to_numpy() < 12
    return only(email, ~is_child & ~chance(rng, 0.04, size))


def write_emails(rng: np.random.Generator, emails: Texts, share: float = 0.04) -> Texts:
    """Return addresses as people type them: some with capitals, some with spaces around them; None stays None."""
    drawn: Floats = rng.random(len(emails))
    return np.array(
        [
            e if e is None or u > 2 * share else e.title() if u < share else f" {e} "
            for e, u in zip(emails, drawn, strict=True)
        ],
        dtype=object,
    )
