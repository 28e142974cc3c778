from __future__ import annotations

from privacy.contract.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()


def test_an_unknown_category_counts_as_personal() -> None:
    assert VOCABULARY.is_personal("pd:SomethingNew")
    assert not VOCABULARY.is_personal("dpv:NonPersonalData")


def test_health_and_religion_are_special_categories_and_purchases_are_not() -> None:
    special = {term for term in VOCABULARY.terms("categories") if VOCABULARY.is_special(term)}
    assert {"pd:Health", "pd:Religion", "pd:PoliticalOpinion", "pd:EthnicOrigin", "pd:Genetic"} <= special
    assert "pd:Purchase" not in special


def test_every_purpose_has_a_known_legal_basis() -> None:
    purposes, bases = VOCABULARY.terms("purposes"), VOCABULARY.terms("legalBases")
    assert {VOCABULARY.basis_of(purpose) for purpose in purposes} <= set(bases)
    assert VOCABULARY.basis_of("marketing") == "consent"


def test_every_property_refers_to_an_existing_list_of_terms() -> None:
    for place in ("objectProperties", "columnProperties", "serverProperties"):
        for rule in VOCABULARY.rules(place):  # type: ignore[arg-type]  # a literal of each in turn
            terms = VOCABULARY.content[place][rule].get("terms")
            assert terms is None or terms in VOCABULARY.content
