"""Draws families whose members are easily taken for one person, with the true person of each record.

Each kind of family is one labelled file: families of that kind, and bystanders who live alone. Every person has one to
three records in different sources, with typing errors and missing values. A typing error never makes a given name
similar to that of another member of the family, so that every record can be told apart by its values.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pandas as pd

from bench.identity.name_source import LATIN_LETTERS, NameSource, mistype
from pipelines.evaluation.dataset import LabelledFile
from pipelines.matching.mapping import guess_mapping

TRUTH = "person"
# Columns of a record: English headers with the name in two columns, Korean headers with the name in one.
_ENGLISH = ("first_name", "last_name", "dob", "sex", "phone", "email", "address")
_KOREAN = ("성명", "생년월일", "성별", "휴대폰번호", "이메일", "주소")
_SOURCES = ("register", "shop", "card")
# Shares of records with a typing error and of records without a value.
_TYPO = 0.10
_MISSING = {"birth": 0.15, "sex": 0.30, "phone": 0.10, "email": 0.30, "address": 0.10}
_INITIAL = 0.08
_RECORDS = ((1, 2, 3), (20, 50, 30))


@dataclass(frozen=True)
class Person:
    """A true person; values that the family shares are equal in its members. `suffix` is Sr, Jr or empty."""

    given: str
    surname: str
    sex: str
    birth: date
    phone: str
    email: str
    address: str
    suffix: str = ""
    shows_birth: bool = False


Family = list[Person]


class FamilySource:
    """Draws people and families in one language from a seed."""

    def __init__(self, language: str, seed: int) -> None:
        self.random = random.Random(f"{language} {seed}")
        self.names = NameSource(language, self.random)
        self.is_korean = language == "ko"

    def person(self, birth: date | None = None, sex: str | None = None) -> Person:
        """Return a person who lives alone."""
        sex = sex or self.random.choice("FM")
        birth = birth or date(1940, 1, 1) + timedelta(days=self.random.randrange(24_000))
        given, surname = self.names.given(sex), self.names.surname()
        return Person(given, surname, sex, birth, self.phone(), self.email(), self.address())

    def phone(self) -> str:
        """Return a number of a block that is assigned to no telephone company."""
        return f"010-{self.random.randrange(2_000):04d}-{self.random.randrange(10_000):04d}"

    def email(self) -> str:
        """Return an address that ends in `.example`."""
        word = "".join(self.random.choice(LATIN_LETTERS) for _ in range(7))
        return f"{word}{self.random.randrange(100)}@mail.example"

    def address(self) -> str:
        """Return the address of a home."""
        number = self.random.randrange(1, 200)
        if self.is_korean:
            flat = f"{self.random.randrange(101, 120)}동 {self.random.randrange(1, 20)}0{self.random.randrange(1, 4)}호"
            return f"서울특별시 강남구 {self.names.street()}로 {number}, {flat}"
        return f"{number} {self.names.street()} Street"

    def relative(self, of: Person, *, birth: date, sex: str, surname: str | None = None, alike: bool = False) -> Person:
        """Return a person of the same home, phone and e-mail, whose given name differs by more than a typing error.

        With `alike`, the given name differs by one letter (jamo) only.
        """
        given = self.names.other_given(of.given, sex, alike=alike)
        return replace(of, given=given, surname=surname or of.surname, sex=sex, birth=birth)

    def twins(self, *, alike: bool = False) -> Family:
        """Return twins; a third of them have e-mail addresses of their own."""
        first = self.person()
        sex = first.sex if self.random.random() < 0.7 else self.random.choice("FM")
        second = self.relative(first, birth=first.birth, sex=sex, alike=alike)
        return [first, self._with_own(second, email=1 / 3)]

    def couple(self) -> Family:
        """Return a couple with one phone, e-mail address and home; English couples have one surname too."""
        first = self.person()
        birth = first.birth + timedelta(days=self.random.randrange(-2_000, 2_000))
        sex = "M" if first.sex == "F" else "F"
        return [first, self.relative(first, birth=birth, sex=sex, surname=self._surname_of_spouse(first))]

    def siblings(self) -> Family:
        """Return two or three siblings; a third of them have a phone and an e-mail address of their own."""
        family = [self.person()]
        for _ in range(self.random.choice((1, 1, 2))):
            birth = family[-1].birth + timedelta(days=self.random.randrange(330, 3_000))
            while True:
                sibling = self.relative(family[0], birth=birth, sex=self.random.choice("FM"))
                if all(self.names.differ(sibling.given, other.given) for other in family):
                    break
            family.append(self._with_own(sibling, email=1 / 3, phone=1 / 3))
        return family

    def namesakes(self, *, suffixes: bool = False) -> Family:
        """Return father and son of one name; a third of the sons have their father's birthday in another year."""
        father = self.person(sex="M")
        years = self.random.randrange(21, 38)
        born = date(father.birth.year + years, father.birth.month, min(father.birth.day, 28))
        birth = born if self.random.random() < 1 / 3 else born + timedelta(days=self.random.randrange(1, 300))
        senior, junior = (
            self.random.choice((("Sr", "Jr"), ("Sr.", "Jr."), ("", "Jr"), ("", "II"))) if suffixes else ("", "")
        )
        shows = not suffixes
        return [
            replace(father, suffix=senior, shows_birth=shows or not senior),
            replace(father, birth=birth, suffix=junior, shows_birth=shows),
        ]

    def _with_own(self, person: Person, *, email: float = 0.0, phone: float = 0.0) -> Person:
        if self.random.random() < email:
            person = replace(person, email=self.email())
        return replace(person, phone=self.phone()) if self.random.random() < phone else person

    def _surname_of_spouse(self, first: Person) -> str:
        return self.names.surname() if self.is_korean else first.surname


@dataclass(frozen=True)
class Kind:
    """A kind of family: its name, the language, how a family is drawn, and whether the limits apply to it.

    Names that differ by one letter cannot be told from a typing error, so the limits do not apply to them. Lean files
    have no sex, and half of the later records of a person have no birth date.
    """

    name: str
    language: str
    draw: Callable[[FamilySource], Family]
    is_lean: bool = False
    is_judged: bool = True


_LANGUAGES = {"ko": "Korean", "en": "English"}
_RELATIVES = {"twins": FamilySource.twins, "couples": FamilySource.couple, "siblings": FamilySource.siblings}
KINDS = (
    *(
        Kind(f"{name}, {_LANGUAGES[language]}{', lean' if is_lean else ''}", language, draw, is_lean)
        for is_lean in (False, True)
        for name, draw in _RELATIVES.items()
        for language in _LANGUAGES
    ),
    Kind("father and son of one name", "en", FamilySource.namesakes),
    Kind("father and son of one name, lean", "en", FamilySource.namesakes, is_lean=True),
    Kind("father and son with Sr and Jr", "en", lambda source: source.namesakes(suffixes=True)),
    Kind("twins one jamo apart, Korean", "ko", lambda source: source.twins(alike=True), is_judged=False),
    Kind("twins one letter apart, English", "en", lambda source: source.twins(alike=True), is_judged=False),
)


def draw_families(kind: Kind, families: int, seed: int = 1) -> tuple[LabelledFile, pd.Series]:
    """Return a labelled file of one kind with as many bystanders as families, and the family number of each record.

    The family number of a bystander's record is -1.
    """
    source = FamilySource(kind.language, seed)
    drawn = [(number, kind.draw(source)) for number in range(families)]
    drawn += [(-1, [source.person()]) for _ in range(families)]
    rows = []
    people = 0
    for number, family in drawn:
        for person in family:
            rows += [(row, f"p{people}", number) for row in _Writer(source, person, family, kind.is_lean).records()]
            people += 1
    source.random.shuffle(rows)
    columns = _KOREAN if source.is_korean else _ENGLISH
    frame = pd.DataFrame([row for row, _, _ in rows], columns=["source", *columns], dtype=object)
    if kind.is_lean:
        frame = frame.drop(columns="성별" if source.is_korean else "sex")
    frame.insert(0, "id", [f"r{n}" for n in range(len(frame))])
    frame[TRUTH] = [person for _, person, _ in rows]
    frame = frame.where(frame.notna(), None)
    data = LabelledFile(kind.name, frame, TRUTH, guess_mapping(frame, ignore=[TRUTH]))
    return data, pd.Series([number for _, _, number in rows])


@dataclass
class _Writer:
    """Writes the records of one person, with typing errors and missing values."""

    source: FamilySource
    person: Person
    family: Family
    is_lean: bool

    def records(self) -> list[list[str | None]]:
        count = self.source.random.choices(*_RECORDS)[0]
        return [
            self._record(place, is_first=n == 0) for n, place in enumerate(self.source.random.sample(_SOURCES, count))
        ]

    def _record(self, place: str, *, is_first: bool) -> list[str | None]:
        """Return one record; the first has a birth date, so that the person's records can be told from the others."""
        person, draw = self.person, self.source.random
        given, surname = self._given(), person.surname
        if draw.random() < _TYPO / 2 and not self.source.is_korean:
            surname = mistype(surname, draw)
        missing = _MISSING | ({"birth": 0.5} if self.is_lean else {})
        shows = {part: draw.random() >= share for part, share in missing.items()}
        shows_suffix = bool(person.suffix) and (is_first or not shows["birth"] or draw.random() < 0.5)
        shows["birth"] |= is_first or person.shows_birth
        if shows_suffix:
            surname = f"{surname} {person.suffix}"
        values = {
            "birth": person.birth.isoformat(),
            "sex": person.sex,
            "phone": self._phone(),
            "email": person.email,
            "address": person.address,
        }
        parts = [value if shows[part] else None for part, value in values.items()]
        return [place, *([surname + given] if self.source.is_korean else [given, surname]), *parts]

    def _given(self) -> str:
        """Return the given name, its initial (if no other member has it), or the name with a typing error."""
        own, draw = self.person.given, self.source.random
        others = [p.given for p in self.family if p is not self.person and p.given != own]
        # Father and son have one name, which distinguishes neither.
        if not self.source.is_korean and draw.random() < _INITIAL and all(o[0] != own[0] for o in others):
            return own[0]
        if draw.random() >= _TYPO:
            return own
        typed = mistype(own, draw)
        return typed if all(self.source.names.differ(typed, other) for other in others) else own

    def _phone(self) -> str:
        """Return the phone number as the source writes it, rarely with a wrong digit."""
        phone, draw = self.person.phone, self.source.random
        if draw.random() < _TYPO / 4:
            place = draw.randrange(8, len(phone))
            phone = phone[:place] + draw.choice("0123456789") + phone[place + 1 :]
        return draw.choice((phone, phone, phone.replace("-", ""), "+82 " + phone[1:]))
