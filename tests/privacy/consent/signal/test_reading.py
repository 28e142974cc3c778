"""Each form of a signal gives the answers that it means; doubt denies, and the most restrictive signal counts."""

from __future__ import annotations

from typing import Any

import pytest

from bench.collect.visitor_walk import tc_string
from privacy.consent.errors import RuleError, UnknownPurposeError
from privacy.consent.purpose import built_in_taxonomy
from privacy.consent.signal.collection_rules import read_rules
from privacy.consent.signal.reading import Answer, read_signals

STATED: dict[str, Any] = {
    "purpose": "analytics",
    "notice": {"version": "banner-1", "asked": "separately", "leastAge": 14},
    "categories": {"Analytics": ["analytics"], "Ads": ["marketing"], "Partners": ["marketing"]},
}
RULES = read_rules(STATED, built_in_taxonomy())
ALL_UNREADABLE = dict.fromkeys(("analytics", "marketing", "personalisation"), Answer.UNREADABLE)
GIVEN, REFUSED, UNREADABLE = Answer.GIVEN, Answer.REFUSED, Answer.UNREADABLE


def answers(context: object, sec_gpc: str | None = None) -> dict[str, Answer]:
    return dict(read_signals({"type": "track", "context": context}, sec_gpc, RULES).answers)


def preferences(**said: object) -> dict[str, Any]:
    return {"consent": {"categoryPreferences": said}}


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (None, {}),
        ("text", {}),
        ({"ip": "192.0.2.1"}, {}),
        (preferences(Analytics=True), {"analytics": GIVEN}),
        (preferences(Analytics=False, Ads=True), {"analytics": REFUSED}),
        (preferences(Ads=True, Partners=True), {"marketing": GIVEN}),
        (preferences(Ads=True, Partners=False), {"marketing": REFUSED}),
        (preferences(Analytics="true", Other=True), {"analytics": UNREADABLE}),
        (preferences(), {"analytics": REFUSED, "marketing": REFUSED}),
        ({"consent": {"categoryPreferences": [1]}}, {"analytics": UNREADABLE, "marketing": UNREADABLE}),
        ({"consentManagement": {"allowedConsentIds": ["Analytics"]}}, {"analytics": GIVEN}),
        (
            {"consentManagement": {"allowedConsentIds": ["Ads"], "deniedConsentIds": ["Analytics", "Ads"]}},
            {"analytics": REFUSED, "marketing": REFUSED},
        ),
        ({"consentManagement": {"allowedConsentIds": "Ads"}}, {"analytics": UNREADABLE, "marketing": UNREADABLE}),
        ({"consent": {"analytics_storage": "granted"}}, {"analytics": GIVEN}),
        ({"consent": {"google": {"analytics_storage": "DENIED", "ad_storage": "granted"}}}, {"analytics": REFUSED}),
        ({"consent": {"analytics_storage": "later"}}, {"analytics": UNREADABLE}),
        (
            {"consent": {"tcString": tc_string(True, False)}},
            {"analytics": GIVEN, "marketing": REFUSED, "personalisation": REFUSED},
        ),
        ({"consent": {"IABTCF_TCString": None}}, ALL_UNREADABLE),
        ({"consent": {"gpc": True}}, {"marketing": REFUSED}),
        ({"consent": {"gpc": False}}, {}),
        ({"consent": {"gpc": "yes"}}, {"marketing": UNREADABLE}),
        ({"consent": {"google": "denied"}}, ALL_UNREADABLE),
        (
            {"consent": {"analytics_storage": "denied", "google": {"analytics_storage": "granted"}}},
            {"analytics": REFUSED},
        ),
        (
            {"consent": {"ad_storage": "granted", "ad_user_data": "granted",
                         "google": {"ad_personalization": "granted"}}},
            {"marketing": GIVEN},
        ),
        ({"consent": "all"}, ALL_UNREADABLE),
    ],
)  # fmt: skip
def test_each_signal_gives_its_answers(context: object, expected: dict[str, Answer]) -> None:
    assert answers(context) == expected


def test_of_several_signals_the_most_restrictive_counts() -> None:
    context = {"consent": {"categoryPreferences": {"Analytics": True, "Ads": True, "Partners": True},
                           "analytics_storage": "denied"}}  # fmt: skip
    assert answers(context, "1") == {"analytics": REFUSED, "marketing": REFUSED}
    assert answers(context, "0")["marketing"] is GIVEN
    reading = read_signals({"context": context}, "1", RULES)
    assert reading.formats == ("segment", "google", "gpc")
    assert b"analytics_storage" in reading.evidence


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"notice": None}, "notice"),
        ({"undecided": "store"}, "undecided"),
        ({"waitDays": 31}, "waitDays"),
        ({"surprise": 1}, "surprise"),
        ({"categories": {"Ads": ["service_delivery"]}}, "service_delivery has no consent of its own"),
        ({"categories": {"Ads": ["advertising_message"]}}, "advertising_message has no consent of its own"),
        ({"purpose": "research"}, "no signal maps to research"),
        ({"googleConsent": {"cookies": ["analytics"]}}, "cookies"),
    ],
)
def test_a_fault_of_the_policy_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        read_rules({**STATED, **change}, built_in_taxonomy())


def test_an_unknown_purpose_is_named() -> None:
    with pytest.raises(UnknownPurposeError, match="gossip"):
        read_rules({**STATED, "privacyControl": ["gossip"]}, built_in_taxonomy())
