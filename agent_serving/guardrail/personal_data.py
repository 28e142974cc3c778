"""Finds personal data in free text: Presidio's recognisers on a blank spaCy pipeline, and names by look-up.

No model of a language is used, since none ships in a package. So a name is found only if it is registered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from agent_serving.guardrail.plain_text import plain_text

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

_LANGUAGE = "xx"
_KINDS = {
    "KR_RRN": "resident_number", "KR_PASSPORT": "passport", "CREDIT_CARD": "card", "PHONE_NUMBER": "phone",
    "EMAIL_ADDRESS": "email", "IBAN_CODE": "account", "CUSTOMER_ID": "customer_id",
}  # fmt: skip
_MAY_HAVE_FORM = re.compile(r"[\d@_]|[(\[]\s?at\s?[)\]]|골뱅이")
_HANGUL_WORD = re.compile(r"[가-힣]{2,12}")
_LATIN_NAME = re.compile(r"[A-Z][A-Za-z'-]+(?: [A-Z][A-Za-z'-]+){1,2}")
_TITLES = ("고객님", "고객", "회원님", "회원", "님", "씨", "군", "양", "선생님", "여사")
_PARTICLES = (
    "", "이", "가", "은", "는", "을", "를", "의", "에게", "한테", "께", "와", "과", "랑", "이랑", "하고", "도", "만",
    "로",
    "으로", "이라는", "라는", "이고", "입니다", "이에요", "예요", "인데요", "인데", "이라고", "라고", "이야", "야",
    "에게서",
)  # fmt: skip
_ENDINGS = frozenset(title + particle for title in ("", *_TITLES) for particle in _PARTICLES)
_LONGEST_NAME, _SHORT_NAME = 4, 2
_SURNAMES = frozenset(
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설"
    "류라마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부가복태목형계피두"
)


class Finding(NamedTuple):
    """One piece of personal data in a text: its kind, and where it begins and ends."""

    kind: str
    start: int
    end: int


def find_personal_data(text: str, is_registered_name: Callable[[str], bool] | None = None) -> list[Finding]:
    """Return the personal data in a text in order, without overlaps; the longer one of two that overlap."""
    plain, places = plain_text(text)
    found = [*_by_form(plain)]
    if is_registered_name is not None:
        found += _names(plain, is_registered_name)
    chosen: list[Finding] = []
    for one in sorted(found, key=lambda one: (one.start - one.end, one.start)):
        if all(one.end <= other.start or other.end <= one.start for other in chosen):
            chosen.append(one)
    # The end is the place after the last character, so that invisible characters inside are part of it.
    spans = (Finding(one.kind, places[one.start], places[one.end - 1] + 1) for one in chosen)
    return sorted(spans, key=lambda one: one.start)


def _by_form(plain: str) -> Iterator[Finding]:
    if _MAY_HAVE_FORM.search(plain) is None:
        return
    for one in _analyzer().analyze(plain, language=_LANGUAGE, entities=list(_KINDS)):
        yield Finding(_KINDS[one.entity_type], one.start, one.end)


def _names(plain: str, is_registered: Callable[[str], bool]) -> Iterator[Finding]:
    for word in _HANGUL_WORD.finditer(plain):
        for length in range(min(_LONGEST_NAME, len(word[0])), _SHORT_NAME - 1, -1):
            name, ending = word[0][:length], word[0][length:]
            # Two syllables are often a common word, so they count only before a title.
            rest = ending or plain[word.end() : word.end() + 4].strip()
            is_addressed = rest.startswith(_TITLES) and name[0] in _SURNAMES
            if ending not in _ENDINGS or (length == _SHORT_NAME and not is_addressed):
                continue
            if is_registered(name):
                yield Finding("name", word.start(), word.start() + length)
                break
    # Hangul names are also written with a space after the family name.
    for pair in re.finditer(r"(?<![가-힣])([가-힣]) ([가-힣]{2,8})", plain):
        for length in (2, 3):
            if (
                pair[1] in _SURNAMES
                and pair[2][length:] in _ENDINGS
                and len(pair[2]) >= length
                and is_registered(pair[1] + pair[2][:length])
            ):
                yield Finding("name", pair.start(), pair.start(2) + length)
    for latin in _LATIN_NAME.finditer(plain):
        words = latin[0].split(" ")
        for size in range(len(words), 1, -1):
            for first in range(len(words) - size + 1):
                wanted = " ".join(words[first : first + size])
                if is_registered(wanted):
                    start = latin.start() + len(" ".join(words[:first])) + (1 if first else 0)
                    yield Finding("name", start, start + len(wanted))


@cache
def _analyzer() -> AnalyzerEngine:
    """Return the recognisers. Importing them takes seconds, so they are made at the first use."""
    import spacy
    from presidio_analyzer import AnalyzerEngine, Pattern, PatternRecognizer, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import (
        CreditCardRecognizer,
        IbanRecognizer,
        KrRrnRecognizer,
        PhoneRecognizer,
    )

    engine: Any = SpacyNlpEngine([{"lang_code": _LANGUAGE, "model_name": "blank"}])
    engine.nlp = {_LANGUAGE: spacy.blank(_LANGUAGE)}
    day = r"(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    own = {
        # Also of foreigners (5 to 8), and with spaces around the dash.
        "KR_RRN": rf"(?<!\d)\d{{2}}{day}\s?[-\s.]?\s?[0-9]\d{{6}}(?!\d)",
        "PHONE_NUMBER": r"(?<![\d-])(?:(?:\+?82[-\s.]?)?\(?0?\)?(?:1[016789])[-\s.)]{0,3}\d{3,4}[-\s.]{0,3}\d{4}"
        r"|0\d{1,2}[-\s.)]{1,3}\d{3,4}[-\s.]{1,3}\d{4}|\d(?:[\s.-]\d){9,10})(?!\d)",
        "KR_PASSPORT": r"(?<![A-Za-z0-9])[MSRODG](?:\d{8}|\d{3}[A-Z]\d{4})(?![A-Za-z0-9])",
        "CUSTOMER_ID": r"(?<![A-Za-z0-9])[cs]_[a-z0-9]{8,40}(?![A-Za-z0-9])",
        # Presidio's own recogniser of e-mail addresses asks the network for a list of top-level domains.
        "EMAIL_ADDRESS": r"[\w.+-]+\s?(?:@|[\[(]\s?at\s?[\])]|골뱅이)\s?[\w-]+"
        r"\s?(?:\.|[\[(]\s?dot\s?[\])]|점)\s?[A-Za-z]{2,}",
    }
    recognizers = [
        *(
            PatternRecognizer(
                supported_entity=kind,
                patterns=[Pattern(kind, form, 0.9)],
                supported_language=_LANGUAGE,
                name=f"own {kind}",
            )
            for kind, form in own.items()
        ),
        KrRrnRecognizer(supported_language=_LANGUAGE),
        CreditCardRecognizer(supported_language=_LANGUAGE),
        IbanRecognizer(supported_language=_LANGUAGE),
        PhoneRecognizer(supported_language=_LANGUAGE, supported_regions=("KR", "US", "JP", "CN"), leniency=1),
    ]
    registry = RecognizerRegistry(recognizers, supported_languages=[_LANGUAGE])
    return AnalyzerEngine(registry, engine, supported_languages=[_LANGUAGE], default_score_threshold=0.3)


def masked(text: str, found: Iterable[Finding], allowed: Iterable[str] = ()) -> tuple[str, tuple[str, ...]]:
    """Return the text with the findings replaced by their kinds in brackets, and the kinds that were replaced.

    `allowed` are values that stay; they are compared by letters and digits only.
    """
    kept = {_letters(value) for value in allowed}
    parts: list[str] = []
    kinds: list[str] = []
    end = 0
    for one in found:
        if _letters(text[one.start : one.end]) in kept:
            continue
        parts += (text[end : one.start], f"[{one.kind}]")
        kinds.append(one.kind)
        end = one.end
    return "".join((*parts, text[end:])), tuple(kinds)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, plain_text(text).text)).casefold()
