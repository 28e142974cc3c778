"""Reads the signals of consent of one event: what its visitor says about each purpose.

Segment      context.consent.categoryPreferences: {"Analytics": true}
RudderStack  context.consentManagement: {"allowedConsentIds": [...], "deniedConsentIds": [...]}
Google       consent mode: {"analytics_storage": "granted"} in context.consent, or in its key `google`
IAB          TC string in context.consent.tcString, or `IABTCF_TCString`
GPC          header Sec-GPC: 1, or context.consent.gpc: true

Where signals disagree, the most restrictive counts. A signal that cannot be read denies its purposes for this event and
says nothing about the person.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from privacy.consent.signal.collection_rules import CollectionRules
from privacy.consent.signal.tcf import TcStringError, consented_purposes

PREFERENCE_EVENT = "Segment Consent Preference Updated"
"""Track event that Segment's consent wrappers send when a visitor changes the preferences."""
_GRANTS = {"granted": True, "denied": False}
_TC_STRINGS = ("tcString", "IABTCF_TCString")


class Answer(IntEnum):
    """What a visitor says about a purpose. The greatest of several is the most restrictive."""

    GIVEN = 0
    UNREADABLE = 1
    REFUSED = 2


@dataclass(frozen=True, slots=True)
class SignalReading:
    """The answers of one event by purpose; a purpose without answer is left out.

    Attributes:
        answers: the most restrictive answer of all signals.
        formats: names of the signals that were found, such as `segment`.
        refuses_by_control: whether Global Privacy Control is among them.
        is_statement: whether the event itself is the visitor's change of preferences.
        evidence: the signals as they came, as JSON.
    """

    answers: Mapping[str, Answer]
    formats: tuple[str, ...]
    refuses_by_control: bool
    is_statement: bool
    evidence: bytes


_NOTHING = SignalReading({}, (), False, False, b"")


def read_signals(message: Mapping[str, Any], sec_gpc: str | None, rules: CollectionRules) -> SignalReading:
    """Return the answers of one event.

    Args:
        message: the event in Segment's form, as it was sent.
        sec_gpc: the header `Sec-GPC` of its request.
        rules: the policy of the source.
    """
    context = _mapping(message.get("context"))
    consent, management = context.get("consent"), context.get("consentManagement")
    if consent is None and management is None and sec_gpc is None:
        return _NOTHING
    found = dict(_found(_mapping(consent), consent, management, sec_gpc, rules))
    answers: dict[str, Answer] = {}
    for answered in found.values():
        for purpose, answer in answered.items():
            answers[purpose] = max(answer, answers.get(purpose, answer))
    evidence = json.dumps([consent, management, sec_gpc], ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    is_statement = message.get("type") == "track" and message.get("event") == PREFERENCE_EVENT
    return SignalReading(answers, tuple(found), "gpc" in found, is_statement, evidence)


def _found(
    consent: Mapping[str, Any], sent: object, management: object, sec_gpc: str | None, rules: CollectionRules
) -> Iterator[tuple[str, dict[str, Answer]]]:
    """Yield the name and the answers of each signal that the event has."""
    if sent is not None and not isinstance(sent, Mapping):
        yield "unknown", dict.fromkeys(rules.mapped_purposes(), Answer.UNREADABLE)
    if "categoryPreferences" in consent:
        yield "segment", _by_word(_preferences(consent["categoryPreferences"], rules.categories), rules.categories)
    if management is not None:
        yield "rudderstack", _by_word(_consent_ids(management, rules.categories), rules.categories)
    if types := _google(consent, rules):
        yield "google", _by_word(types, rules.google_consent)
    for name in _TC_STRINGS:
        if name in consent:
            yield f"tcf {name}", _by_word(_tcf(consent[name], rules), rules.tcf_purposes)
    control = consent.get("gpc")
    if (sec_gpc or "").strip() == "1" or control in (True, "1"):
        yield "gpc", dict.fromkeys(rules.privacy_control, Answer.REFUSED)
    elif control not in (None, False, "0"):
        yield "unknown gpc", dict.fromkeys(rules.privacy_control, Answer.UNREADABLE)


def _by_word(said: Mapping[Any, bool | None], words: Mapping[Any, Iterable[str]]) -> dict[str, Answer]:
    """Return the answer about each purpose; None in `said` is a word that cannot be read.

    >>> _by_word({"A": True, "B": True}, {"A": ["analytics"], "B": ["marketing"], "C": ["marketing"]})
    {'analytics': <Answer.GIVEN: 0>}
    """
    needed: dict[str, list[bool | str | None]] = {}
    for word, purposes in words.items():
        for purpose in purposes:
            needed.setdefault(purpose, []).append(said.get(word, "absent"))
    answers = {}
    for purpose, values in needed.items():
        if False in values:
            answers[purpose] = Answer.REFUSED
        elif None in values:
            answers[purpose] = Answer.UNREADABLE
        elif "absent" not in values:
            answers[purpose] = Answer.GIVEN
    return answers


def _preferences(value: object, words: Iterable[str]) -> Mapping[str, bool | None]:
    """Return the preference of each category. None at all refuses every category, as Segment documents it."""
    if not isinstance(value, Mapping):
        return dict.fromkeys(words)
    if not value:
        return dict.fromkeys(words, False)
    return {str(word): said if isinstance(said, bool) else None for word, said in value.items()}


def _consent_ids(value: object, words: Iterable[str]) -> Mapping[str, bool | None]:
    lists = [_mapping(value).get(name, []) for name in ("allowedConsentIds", "deniedConsentIds")]
    if not isinstance(value, Mapping) or not all(isinstance(one, list) for one in lists):
        return dict.fromkeys(words)
    allowed, denied = lists
    return {**{str(word): True for word in allowed}, **{str(word): False for word in denied}}


def _google(consent: Mapping[str, Any], rules: CollectionRules) -> Mapping[str, bool | None]:
    """Return what is said about each type, in `consent` itself and in its key `google`; the stricter of both counts."""
    own = consent.get("google", {})
    if own is not None and not isinstance(own, Mapping):
        return dict.fromkeys(rules.google_consent)
    said: dict[str, list[bool | None]] = {}
    for types in (consent, _mapping(own)):
        for name in rules.google_consent.keys() & types.keys():
            said.setdefault(name, []).append(_GRANTS.get(str(types[name]).lower()))
    return {name: False if False in both else None if None in both else True for name, both in said.items()}


def _tcf(value: object, rules: CollectionRules) -> Mapping[int, bool | None]:
    try:
        given = consented_purposes(value if isinstance(value, str) else "")
    except TcStringError:
        return dict.fromkeys(rules.tcf_purposes)
    return {number: number in given for number in rules.tcf_purposes}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
