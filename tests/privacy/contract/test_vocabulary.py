from __future__ import annotations

from privacy.contract.vocabulary import load_vocabulary

VOCABULARY = load_vocabulary()


def test_what_is_unknown_counts_as_personal() -> None:
    assert VOCABULARY.is_personal("pd:SomethingNew")
    assert not VOCABULARY.is_personal("dpv:NonPersonalData")


def test_special_categories_are_those_of_the_law() -> None:
    special = {term for term in VOCABULARY.terms("categories") if VOCABULARY.is_special(term)}
    assert {"pd:Health", "pd:Religion", "pd:PoliticalOpinion", "pd:EthnicOrigin", "pd:Genetic"} <= special
    assert "pd:Purchase" not in special


def test_every_purpose_rests_on_a_known_basis() -> None:
    purposes, bases = VOCABULARY.terms("purposes"), VOCABULARY.terms("legalBases")
    assert {VOCABULARY.basis_of(purpose) for purpose in purposes} <= set(bases)
    assert VOCABULARY.basis_of("marketing") == "consent"


def test_every_property_takes_a_list_of_terms_that_exists() -> None:
    for place in ("objectProperties", "columnProperties", "serverProperties"):
        for rule in VOCABULARY.rules(place):  # type: ignore[arg-type]  # a literal of each in turn
            terms = VOCABULARY.content[place][rule].get("terms")
            assert terms is None or terms in VOCABULARY.content
