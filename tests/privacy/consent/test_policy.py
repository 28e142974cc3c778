"""The files of purposes and law: the built-in ones agree with the vocabulary, and faults are refused."""

from __future__ import annotations

from importlib import resources

import pytest

from privacy.consent.errors import CategoryRefused, RuleError, UnknownPurposeError
from privacy.consent.law import SensitiveApartRule, built_in_laws, read_law
from privacy.consent.policy import Policy, built_in_policy
from privacy.consent.purpose import built_in_taxonomy, read_taxonomy
from privacy.contract.vocabulary import load_vocabulary

POLICY = built_in_policy()
PURPOSE_FILE = resources.files("privacy.consent").joinpath("purpose.yaml").read_text("utf-8")
LAW_FILE = resources.files("privacy.consent").joinpath("law", "korea.yaml").read_text("utf-8")


def test_every_purpose_of_the_vocabulary_is_in_the_taxonomy_on_the_same_basis() -> None:
    for name, entry in load_vocabulary().terms("purposes").items():
        assert POLICY.taxonomy[name].basis == entry["legalBasis"], name


def test_every_rule_cites_its_article() -> None:
    rules = [rule for law in built_in_laws() for rule in law.rules]
    assert {"PIPA art. 22-2(1)", "Network Act art. 50(3)", "PIPA art. 24-2(1)"} <= {rule.article for rule in rules}
    assert len({rule.id for rule in rules}) == len(rules)


@pytest.mark.parametrize("purpose", [name for name in POLICY.purposes if name != "pseudonymised_research"])
def test_a_registration_number_is_refused_without_a_statute(purpose: str) -> None:
    with pytest.raises(CategoryRefused, match="pd:OfficialID") as caught:
        POLICY.check_categories(purpose, frozenset({"pd:OfficialID", "pd:Name"}))
    assert caught.value.articles == ("PIPA art. 24-2(1)",)
    POLICY.check_categories(purpose, frozenset({"pd:Name", "pd:Purchase"}))


def test_a_statute_in_the_law_file_allows_the_category_for_its_purpose_only() -> None:
    text = LAW_FILE.replace("statutes: {}", "statutes: {legal_records: 'Income Tax Act art. 164'}")
    policy = Policy(POLICY.taxonomy, (read_law(text, "korea.yaml"),))
    policy.check_categories("legal_records", frozenset({"pd:OfficialID"}))
    with pytest.raises(CategoryRefused):
        policy.check_categories("marketing", frozenset({"pd:OfficialID"}))


def test_sensitive_data_is_read_only_for_a_purpose_with_a_consent_of_its_own() -> None:
    for purpose in POLICY.purposes:
        if purpose != "sensitive_research":
            with pytest.raises(CategoryRefused, match="pd:Health") as caught:
                POLICY.check_categories(purpose, frozenset({"pd:Health", "pd:Purchase"}))
            assert caught.value.articles == ("PIPA art. 23(1) and decree art. 18",)
    POLICY.check_categories("sensitive_research", frozenset({"pd:Health", "pd:Religion"}))


def test_the_sensitive_data_rule_lists_every_special_category_of_the_vocabulary() -> None:
    rule = next(r for law in built_in_laws() for r in law.rules if isinstance(r, SensitiveApartRule))
    vocabulary = load_vocabulary()
    assert set(rule.categories) == {c for c in vocabulary.terms("categories") if vocabulary.is_special(c)}


def test_a_rule_that_lets_a_purpose_without_own_consent_read_sensitive_data_is_refused() -> None:
    text = LAW_FILE.replace("purposes: [sensitive_research]", "purposes: [legal_records]")
    with pytest.raises(RuleError, match="expected a purpose with a consent of its own"):
        Policy(built_in_taxonomy(), (read_law(text, "korea.yaml"),))


def test_pseudonymised_research_is_refused_categories_that_identify_a_person() -> None:
    POLICY.check_categories("pseudonymised_research", frozenset({"dpv:PseudonymisedData", "pd:Purchase"}))
    with pytest.raises(CategoryRefused, match="pd:EmailAddress") as caught:
        POLICY.check_categories("pseudonymised_research", frozenset({"pd:EmailAddress", "pd:Purchase"}))
    assert any("28-2" in article for article in caught.value.articles)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("basis: legal_duty", "basis: legal_dutty", "basis"),
        ("    basis: contract\n", "", "basis"),
        ("basis: statute\n    article: PIPA art. 28-2(1)", "basis: statute", "name the law"),
        ("rests_on: [marketing]", "rests_on: [curiosity]", "curiosity"),
        ("rests_on: [marketing]", "rests_on: [service_delivery]", "expected a purpose with a consent of its own"),
        ("    yields_to: [objection, restriction]\n  research:", "    yields_to: []\n  research:", "yields to"),
        ("purposes:", "purposes: [", "cannot be read as YAML"),
    ],
)
def test_a_fault_in_the_purpose_file_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    assert old in PURPOSE_FILE
    with pytest.raises(RuleError, match=message):
        read_taxonomy(PURPOSE_FILE.replace(old, new), "purpose.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: guardian", "kind: guardians", "kinds of rule"),
        ("within_days: 730", "within_days: soon", "within_days"),
        ("    under_years: 14\n", "", "under_years"),
        ("article: Network Act art. 50(3)", "article: ''", "article"),
        ("jurisdiction: KR", "jurisdiction: Korea", "jurisdiction"),
        ("rules:", "rules: [", "cannot be read as YAML"),
    ],
)
def test_a_fault_in_the_law_file_is_refused_with_its_place(old: str, new: str, message: str) -> None:
    assert old in LAW_FILE
    with pytest.raises(RuleError, match=message):
        read_law(LAW_FILE.replace(old, new), "korea.yaml")


def test_a_rule_about_an_unknown_purpose_is_refused() -> None:
    law = read_law(LAW_FILE.replace("needs: night_advertising", "needs: moonlight"), "korea.yaml")
    with pytest.raises(RuleError, match="moonlight"):
        Policy(built_in_taxonomy(), (law,))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("purposes: [advertising_message]", "purposes: [service_delivery]"),
        ("needs: night_advertising", "needs: advertising_message"),
        ("needs: night_advertising", "needs: legal_records"),
    ],
)
def test_an_hours_rule_for_or_on_a_purpose_without_own_consent_is_refused(old: str, new: str) -> None:
    assert old in LAW_FILE
    with pytest.raises(RuleError, match="consent"):
        Policy(built_in_taxonomy(), (read_law(LAW_FILE.replace(old, new), "korea.yaml"),))


def test_the_error_about_an_unknown_purpose_lists_the_known_ones() -> None:
    with pytest.raises(UnknownPurposeError, match="service_delivery"):
        POLICY.taxonomy["curiosity"]
