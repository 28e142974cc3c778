"""How text becomes terms."""

from __future__ import annotations

import pytest

from agent_serving.search.text_form import GAP, query_words, squeeze, terms_of


def test_a_word_is_kept_as_written_and_gives_its_pairs_of_letters() -> None:
    terms = terms_of(["에어팟 프로"])
    assert terms.words == ("에어팟", "프로")
    assert terms.pairs == ("에어", "어팟", GAP, "프로")
    assert terms.joined == ("에어", "어팟", "팟프", "프로")


def test_pairs_do_not_run_from_one_text_into_the_next() -> None:
    assert "과회" not in terms_of(["사과", "회사"]).joined


def test_a_word_of_several_scripts_also_gives_its_parts() -> None:
    assert terms_of(["아이폰15pro"]).words == ("아이폰15pro", "아이폰", "15", "pro")
    assert terms_of(["1.5L"]).words == ("1.5l", "1.5", "l")


@pytest.mark.parametrize(
    ("query", "forms"),
    [
        ("나이키에서", [["나이키에서", "나이키"]]),
        ("바나나", [["바나나", "바나"]]),
        ("에어 팟", [["에어", "에어팟"], ["팟", "에어팟"]]),
        ("lipsticks", [["lipsticks", "lipstick"]]),
        ("ＳＫ２", [["sk2"]]),
        ("어디 있어?", [["어디", "어디있어"], ["있어", "어디있어"]]),
        ("🙂 !!", []),
    ],
)
def test_a_word_of_a_query_has_its_written_form_first(query: str, forms: list[list[str]]) -> None:
    assert [[form.word for form in word] for word in query_words(query)] == forms


def test_brands_are_compared_without_spaces_case_and_width() -> None:
    assert squeeze("Ｊo  Malone") == squeeze("JO MALONE")
