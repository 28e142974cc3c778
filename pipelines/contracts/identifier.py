"""Guesses which kind of personal data a column holds, from its header and from the form of its values."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.contracts.column_profile import Profile
from privacy.recognition.column_name import name_column
from privacy.recognition.concept import Concept, find_concept, load_concepts

# At least this share of the values must have the form of a kind, such as e-mail.
FORM_SHARE = 0.8
MIN_VALUES = 3
LONG_TEXT = 40
_FREE_TEXT = {
    "comment",
    "body",
    "content",
    "memo",
    "note",
    "summary",
    "review",
    "message",
    "reply",
    "inquiry",
}
_SEXES = {"m", "f", "male", "female", "남", "여", "남자", "여자", "남성", "여성"}
# First syllables of the surnames of nearly all Koreans.
_SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구나민진지엄채원천방공현함"
    "변염추도소석선설마길연위표명기반라왕금옥육인맹제모탁국여어은편용"
)
_PROVINCES = "서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충청?[북남]|전라?[북남]|경상?[북남]|제주"
_MOBILE = r"(\+82[- .]?|0)1[016789][- .]?\d{3,4}[- .]?\d{4}"
_LANDLINE = r"0\d{1,2}[- ]\d{3,4}[- ]\d{4}"
_ABROAD = r"\+\d{1,3}[- .]?[\d .()-]{7,14}"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("resident_no", re.compile(r"\d{2}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])-[1-8]\d{6}")),
    ("email", re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")),
    ("phone", re.compile(f"{_MOBILE}|{_LANDLINE}|{_ABROAD}")),
    ("ip_address", re.compile(r"(\d{1,3}\.){3}\d{1,3}")),
    ("address", re.compile(rf"({_PROVINCES}).*[시군구동읍면로길].*\d.*")),
    ("name", re.compile(rf"[{_SURNAMES}][가-힣]{{1,3}}")),
)
_LISTED_NAME = re.compile(rf"[{_SURNAMES}][가-힣]{{2}}|[A-Z][a-z]+ [A-Z][a-z]+")
_CARD = re.compile(r"\d{4}([- ]?)\d{4}\1\d{4}\1\d{1,7}")


PAYMENT_CARD = Concept("payment_card", "pd:PaymentCardNumber", "direct", frozenset(), frozenset())


@dataclass(frozen=True)
class Finding:
    """The kind of personal data guessed for a column, with the evidence. `evidence` contains no value."""

    concept: Concept
    evidence: str


def find_identifier(header: str, profile: Profile) -> Finding | None:
    """Return the kind of personal data that a column seems to hold, or None if there is no evidence of any."""
    by_form = _find_by_form(profile)
    by_header = None if profile.logical_type == "boolean" else _find_by_header(header)
    if by_form is None or by_header is None:
        return by_form or by_header
    # Values decide (a phone in a column called address is a phone), except for names and card numbers: other
    # values often look like these, so the header decides.
    return by_header if by_form.concept.concept in ("name", "payment_card") else by_form


def is_free_text(header: str, profile: Profile) -> bool:
    """Return whether the column seems to hold free text, which may contain names and numbers."""
    if profile.logical_type != "string" or not profile.texts:
        return False
    words = set(name_column(header).split("_"))
    mean = sum(map(len, profile.texts)) / len(profile.texts)
    has_spaces = sum(" " in text for text in profile.texts) > len(profile.texts) / 2
    return has_spaces and (mean > LONG_TEXT or (bool(words & _FREE_TEXT) and not profile.enum))


def may_list_names(texts: Iterable[str]) -> bool:
    """Return whether at least half of the values look like persons' names; a draft must not list them."""
    distinct = set(texts)
    return sum(_LISTED_NAME.fullmatch(text) is not None for text in distinct) * 2 >= max(len(distinct), 1)


def _find_by_header(header: str) -> Finding | None:
    concept = find_concept(header)
    return None if concept is None else Finding(concept, f"the header reads as {concept.concept}")


def _find_by_form(profile: Profile) -> Finding | None:
    texts = profile.texts
    if len(texts) < MIN_VALUES:
        return None
    if {text.lower() for text in texts} <= _SEXES and len(set(texts)) > 1:
        return Finding(load_concepts()["sex"], "the values are codes of sex")
    for kind, form in _FORMS:
        share = sum(form.fullmatch(text) is not None for text in texts) / len(texts)
        is_varied = profile.distinct_share > 0.3 or kind != "name"
        if share >= FORM_SHARE and is_varied:
            return Finding(load_concepts()[kind], f"{share:.0%} of {len(texts)} values have the form of {kind}")
    share = sum(_is_card(text) for text in texts) / len(texts)
    if share >= FORM_SHARE:
        evidence = f"{share:.0%} of {len(texts)} values pass the check digit of payment cards"
        return Finding(PAYMENT_CARD, evidence)
    return None


def _is_card(text: str) -> bool:
    """Return whether a number has the length and the check digit (Luhn algorithm) of a payment card."""
    if _CARD.fullmatch(text) is None:
        return False
    digits = [int(letter) for letter in text if letter.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
