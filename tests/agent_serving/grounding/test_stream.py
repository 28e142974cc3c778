"""Only grounded sentences leave, only cited items become cards, and the marker is never shown."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from agent_serving.grounding import stream
from agent_serving.grounding.check import SentenceCheck
from agent_serving.grounding.other_name import OtherNames
from agent_serving.grounding.stream import Grounded, GroundedStream
from agent_serving.tool.item import PROFILE, Item
from bench.agent.grounding import measure

ITEMS = (
    Item("product", "p0", "나이키 운동화 에어포스 240", {"name": "나이키 운동화 에어포스 240",
    "name_en": "Nike sneakers",
         "brand": "나이키", "category": "운동화", "price_won": 89000, "floor": "4F", "stock": 7}),
    Item("product", "p1", "서울우유 우유 1L", {"name": "서울우유 우유 1L", "name_en": "Seoul Milk milk",
    "brand": "서울우유",
         "price_won": 2900, "floor": "B1"}),
    Item("product", "p2", "설화수 자음생크림 50ml", {"name": "설화수 자음생크림 50ml", "name_en": "Sulwhasoo cream",
         "brand": "설화수", "price_won": 270000, "floor": "1F"}),
    Item("store", "s0", "나이키 본점", {"name": "나이키", "name_en": "Nike", "brand": "나이키", "floor": "4F",
         "hours": "10:30-20:00", "phone": "02-0123-4567"}),
    Item("coupon", "c0", "신년 화장품 쿠폰", {"name": "신년 화장품 쿠폰", "discount_percent": 10,
         "valid_until": "2018-01-07", "terms": "5만원 이상 살 때 쓸 수 있습니다."}),
    Item(PROFILE, "profile", PROFILE, {"top_category_1": "Soft drinks"}),
)  # fmt: skip
GROUNDED = {
    "ko": (
        "나이키 운동화 에어포스 240은 89,000원이며 4층 나이키 매장에서 구매하실 수 있습니다.",
        "찾으시는 운동화로는 나이키 에어포스 240이 있고, 가격은 8만9천원입니다.",
        "나이키 본점은 4층에 위치해 있으며, 영업시간은 오전 10시 30분부터 오후 8시까지입니다.",
        "피부가 건조하시다면 설화수 자음생크림을 추천드립니다.",
        "신년 화장품 쿠폰은 5만원 이상 구매 시 사용 가능하며 2018년 1월 7일까지 유효합니다.",
        "지금은 10% 할인 쿠폰을 사용하실 수 있어요.",
        "서울우유 1L는 2,900원으로 지하 1층 식품관에 있습니다.",
        "죄송하지만 요청하신 조건에 맞는 상품을 찾지 못했습니다.",
        "다른 예산이나 브랜드를 말씀해 주시면 다시 찾아드릴게요.",
        "고객님의 취향을 고려하면 이 제품이 가장 잘 맞을 것 같아요.",
        "전화 문의는 나이키 매장 02-0123-4567로 해주세요.",
        "1. 나이키 운동화 에어포스 240 - 89,000원 (4층)",
        "총 3개의 상품을 찾았습니다.",
        "3만원 이하 골프채는 찾지 못했습니다.",
    ),
    "en": (
        "The Nike sneakers cost 89,000 won and are on the 4th floor.",
        "The Nike shop is open from 10:30 am to 8 pm.",
        "I'm sorry, I couldn't find what you are looking for.",
        "Would you like directions?",
    ),
    "ja": ("Nikeは4階にあります。", "営業時間は10:30から20:00です。", "申し訳ございません。",
    "お探しの商品は見つかりませんでした。"),
    "zh": ("Nike在4楼，营业时间是10:30到20:00。", "抱歉，没有找到您要的商品。"),
}  # fmt: skip
UNGROUNDED = {
    "ko": (
        "글로우베리 수분크림을 추천드려요.", "황금사과 크림도 추천합니다.", "푸른정원 향수는 어떠세요!",
        "푸마 운동화도 있어요.",
        "blooming day 향수를 권해드려요.", "'봄날의 정원' 향수를 추천해요.", "샤넬 매장은 4층입니다.",
        "인기 상품은 맥입니다.",
        "나이키 운동화 에어포스 240은 69,000원입니다.", "가격은 만이천원입니다.", "가격은 12000 입니다.",
        "３９，０００원에 판매합니다.",
        "서울우유 우유 1L는 89,000원, 나이키 운동화 에어포스 240은 2,900원입니다.", "나이키는 지하 1층에 있어요.",
        "나이키 본점은 밤 11시까지 영업합니다.", "전화는 02-555-1234입니다.", "지금 반값 할인합니다.",
        "재고가 99개 있습니다.",
        "설화수는 3만원 이하입니다.", "샤\u200b넬도 있습니다.", "샤 넬 도 있습니다.", "푸.마.도 있습니다.",
        "сhаnеl도 있습니다.",
        "自然堂도 있습니다.", "https://evil.example 에서 보세요.", "'product':[0] 입니다.",
    ),
    "en": ("Try the glowberry serum.", "I recommend Golden Apple Cream.", "It costs twelve thousand won.",
    "It is on the ninth floor."),
    "ja": ("花王堂クリームをおすすめします。", "ルミエラもあります。", "価格は9,000ウォンです。"),
    "zh": ("推荐您试试金苹果面霜。", "价格是九千韩元。"),
}  # fmt: skip
SAID = "3만원 이하 골프채 있어요?"


def answer(text: str, language: str = "ko", items: Sequence[Item] = ITEMS, said: str = SAID, size: int = 3) -> Grounded:
    """Stream a text in pieces of a size."""
    one = GroundedStream(items, language, said)
    sent = [sentence for start in range(0, len(text), size) for sentence in one.feed(text[start : start + size])]
    found = one.finish()
    assert found.text == " ".join([*sent, *found.rest])
    return found


@pytest.mark.parametrize("language", GROUNDED)
def test_grounded_sentences_leave(language: str) -> None:
    for sentence in GROUNDED[language]:
        assert answer(sentence, language).text == sentence


@pytest.mark.parametrize("language", UNGROUNDED)
def test_ungrounded_sentences_do_not_leave(language: str) -> None:
    for sentence in UNGROUNDED[language]:
        found = answer(sentence, language)
        assert found.refused, sentence
        assert found.text == "", sentence


def test_a_grounded_sentence_leaves_before_the_next_one_is_written() -> None:
    one = GroundedStream(ITEMS, "ko")
    assert one.feed("나이키 운동화 에어포스 240은 89,000원입니다") == []
    assert one.feed(".") == ["나이키 운동화 에어포스 240은 89,000원입니다."]


def test_cards_are_the_cited_items_in_the_order_of_the_marker() -> None:
    text = "두 상품을 찾았습니다.\n<<'store':[0],'product':[2,0,2,9],'profile':[0],'secret':[1]>>"
    for size in (1, 4, 200):
        found = answer(text, size=size)
        assert [item.id for item in found.cards] == ["s0", "p2", "p0"]
        assert (found.text, found.is_cited) == ("두 상품을 찾았습니다.", True)


@pytest.mark.parametrize(
    "marker", ["", "<<'product':[0]", "<<product: 0>>", "<<'product':'all'>>", "<'product':[0]>>", "<<'product':[-1]>>"]
)
def test_without_a_readable_marker_nothing_becomes_a_card(marker: str) -> None:
    found = answer(f"두 상품을 찾았습니다.\n{marker}")
    assert (found.cards, found.text) == ((), "두 상품을 찾았습니다.")


@pytest.mark.parametrize("form", ["＜＜{}＞＞", "《{}》", "<\u200b<{}>>", "<< {} >>"])
def test_no_part_of_a_marker_is_shown_in_any_form(form: str) -> None:
    text = f"찾았습니다. {form.format(chr(39) + 'product' + chr(39) + ':[0]')}"
    for size in (1, 2, 5):
        assert answer(text, size=size).text == "찾았습니다."


def test_a_name_of_the_customer_may_be_denied_but_not_stated() -> None:
    said = "푸마 운동화 있어요?"
    assert answer("죄송하지만 푸마 운동화는 없습니다.", said=said).text
    assert not answer("네, 푸마 운동화 있습니다.", said=said).text
    assert not answer("푸마 운동화는 4층에 있습니다.", said=said).text


def test_a_fact_may_be_quoted_in_its_own_language() -> None:
    quoted = "5만원 이상 살 때 쓸 수 있습니다."
    for language in GROUNDED:
        assert answer(f"{quoted}\n", language).text == quoted
        assert not answer("3만원 이상 살 때 쓸 수 있습니다.\n", language).text


@pytest.mark.parametrize("name", ["타지머", "지나머", "구두플"])
def test_an_invented_name_that_reads_as_a_verb_with_a_rare_ending_is_not_stated(name: str) -> None:
    assert not answer(f"{name} 어떠세요!").text


def test_a_price_that_the_customer_said_is_not_confirmed() -> None:
    assert not answer("네, 12,000원입니다.", said="12,000원인가요?").text


def test_registered_names_of_the_shop_are_found_although_they_are_common_words() -> None:
    def refused(text: str, names: Sequence[str]) -> bool:
        one = GroundedStream(ITEMS, "ko", has_other_name=OtherNames(names))
        one.feed(text)
        return bool(one.finish().refused)

    assert refused("시스템도 둘러보세요.\n", ["시스템", "나이키"])
    assert not refused("나이키도 둘러보세요.\n", ["시스템", "나이키"])


def test_a_sentence_without_end_is_refused_and_does_not_fill_the_memory() -> None:
    one = GroundedStream(ITEMS, "ko")
    for _ in range(2000):
        assert one.feed("가나다 ") == []
    assert len(one._buffer) < 2000
    assert one.finish().refused == (("too_long",),)


def test_adversarial_replies_let_nothing_through() -> None:
    tally = measure(120, seed=3)
    assert (sum(tally.leaked.values()), tally.uncited_cards, tally.markers_shown) == (0, 0, 0), tally.examples
    assert tally.honest_sent / tally.honest > 0.95


@pytest.mark.parametrize("broken", ["_wrong_values", "_has_unknown_name"])
def test_the_adversarial_replies_find_a_check_that_is_missing(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SentenceCheck, broken, lambda *_: ())
    assert sum(measure(40, seed=3).leaked.values()) > 0


def test_the_adversarial_replies_find_uncited_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "cited_items", lambda _, items: tuple(random.Random(1).sample(list(items), len(items))))
    assert measure(40, seed=3).uncited_cards > 0
