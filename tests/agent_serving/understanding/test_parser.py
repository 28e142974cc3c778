"""What messages are understood to say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_serving.understanding import intent
from agent_serving.understanding.entity import entities_of
from agent_serving.understanding.language import language_of
from agent_serving.understanding.model import Constraints, Context, Intent, Language, Slot, Topic, WantedItem
from agent_serving.understanding.morphology import morphology
from agent_serving.understanding.parser import understand
from bench.agent.understanding import HERE, score


def tuning() -> list[dict[str, object]]:
    return [json.loads(line) for line in (Path(HERE) / "tuning.jsonl").read_text("utf-8").splitlines()]


def test_the_tuning_half_is_read_well_and_shuffled_weights_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = score(tuning())
    assert found.accuracy >= 0.97
    assert found.f1 >= 0.96
    # Each intent gets the weights of another one.
    turned = {
        name: dict(zip(row, [*list(row.values())[1:], next(iter(row.values()))], strict=True))
        for name, row in intent._weights().items()
    }
    monkeypatch.setattr(intent, "_weights", lambda: turned)
    assert score(tuning()).accuracy < 0.3


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (
            "사과 세 개랑 우유 두 팩 담아줘",
            [WantedItem("사과", quantity=3), WantedItem("우유", quantity=2, priority=2)],
        ),
        ("나이키 러닝화 10만원 이하로 보여줘", [WantedItem("러닝화", "나이키", price_max=100_000)]),
        ("블루투스스피커 하나 주세요", [WantedItem("블루투스스피커", quantity=1)]),
        ("스벅 텀블러 있어?", [WantedItem("텀블러", "스벅")]),
        ("와인도 있으면 좋고 먼저 치즈 담아줘", [WantedItem("치즈"), WantedItem("와인", priority=2)]),
    ],
)
def test_items_have_brand_quantity_price_and_priority(text: str, items: list[WantedItem]) -> None:
    assert sorted(understand(text).items, key=lambda item: item.priority) == items


@pytest.mark.parametrize(
    ("text", "constraints"),
    [
        ("땅콩이랑 우유 알레르기 있는데 먹을 과자", Constraints(("peanut", "milk"))),
        ("새우 먹으면 두드러기 나요. 만두 추천해줘", Constraints(("shellfish",))),
        ("계란 안 들어간 빵 있어?", Constraints(("egg",))),
        ("무슬림 친구랑 먹을 비건 도시락", Constraints((), ("halal",), ("vegan",))),
        ("땅콩 과자 주세요", Constraints()),
        ("참깨드레싱 하나요", Constraints()),
    ],
)
def test_ingredients_are_avoided_only_with_a_word_of_avoidance(text: str, constraints: Constraints) -> None:
    found = understand(text).constraints
    assert (set(found.allergies), found.faiths, found.diets) == (
        set(constraints.allergies),
        constraints.faiths,
        constraints.diets,
    )


def test_an_avoided_ingredient_is_no_wanted_product() -> None:
    assert [item.product for item in understand("땅콩 알레르기 있는데 땅콩 말고 호두 과자 줘").items] == ["호두 과자"]


def test_times_and_places_are_as_they_were_said() -> None:
    found = understand("이번 주 토요일 저녁 7시 반에 강남점 지하 식품관 열어요?")
    assert (found.time, found.place) == (("이번 주 토요일 저녁 7시 반",), ("강남점", "지하 식품관"))


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Do you have Nike running shoes under 100,000 won?", Language.ENGLISH, Intent.BUY_NOW),
        ("トイレはどこですか", Language.JAPANESE, Intent.FIND_INFORMATION),
        ("兰芝和雪花秀哪个更好", Language.CHINESE, Intent.COMPARE),
        ("주문한 거 언제 와요", Language.KOREAN, Intent.SERVICE),
        ("집들이 선물 세트 짜줘", Language.KOREAN, Intent.PLAN),
    ],
)
def test_language_and_intent(text: str, language: Language, expected: Intent) -> None:
    found = understand(text)
    assert (found.language, found.intent) == (language, expected)


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("하나 주세요", Slot.PRODUCT),
        ("둘 중에 뭐가 나아요?", Slot.OTHER_OPTION),
        ("준비 좀 도와줘", Slot.OCCASION),
        ("😀😀", Slot.TOPIC),
        ("", Slot.TOPIC),
        ("우유 하나 주세요", None),
        ("주차 무료예요?", None),
        ("환불이요", None),
    ],
)
def test_a_missing_detail_is_asked_for(text: str, slot: Slot | None) -> None:
    assert understand(text).missing_slot == slot


def test_the_answer_to_a_question_completes_the_message_before_it() -> None:
    first = understand("하나 주세요")
    second = understand("우유", Context(first.language, first))
    assert (second.intent, second.missing_slot) == (Intent.BUY_NOW, None)
    assert [item.product for item in second.items] == ["우유"]


def test_the_same_question_is_not_asked_twice() -> None:
    first = understand("하나 주세요")
    assert understand("음 하나 주세요", Context(first.language, first)).missing_slot is None


def test_a_message_without_a_product_is_about_the_one_before_it() -> None:
    first = understand("원피스 10만원 이하 보여줘")
    cheaper = understand("더 싼 거 있어?", Context(None, first))
    assert cheaper.items == (WantedItem("원피스", price_max=70_000),)
    assert understand("화장실 어디예요?", Context(None, first)).items == ()


def test_topics_and_order_numbers() -> None:
    found = understand("주문번호 20260101 배송 언제 와요")
    assert {Topic.ORDER, Topic.DELIVERY} <= set(found.topics)
    assert found.order_number == "20260101"


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from("사과우유세개만원이하 랑,.!?😀apple 3층강남점2더싼거ー茶​\n"), max_size=60))
def test_any_text_is_read_and_spans_lie_in_it(text: str) -> None:
    language = language_of(text)
    tokens = morphology().tokens(text) if language is Language.KOREAN else []
    spans = entities_of(text, language, tokens)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert 0 <= understand(text).confidence <= 1


def test_a_message_of_a_megabyte_is_cut() -> None:
    found = understand("우유 주세요 " * 150_000)
    assert len(found.text) == 2000
    assert {item.product for item in found.items} == {"우유"}


def test_allergies_and_faiths_are_remembered_over_turns() -> None:
    first = understand("새우 못 먹는데 과자 추천해 주세요")
    assert first.constraints.allergies == ("shellfish",)
    cheapest = understand("그중에 제일 싼 거는?", Context(None, first))
    assert cheapest.missing_slot is None
    more = understand("우유도 빼주세요", Context(None, cheapest))
    assert set(more.constraints.allergies) == {"shellfish", "milk"}
    other = understand("화장실 어디예요?", Context(None, more))
    assert set(understand("라면 있어요?", Context(None, other)).constraints.allergies) == {"shellfish", "milk"}


def test_a_detail_is_asked_about_the_place_before() -> None:
    store = understand("나이키 매장 몇 층이에요?")
    for text in ("거기 몇 시까지 해요?", "전화번호 알려줘", "What time does it close?"):
        assert [item.brand for item in understand(text, Context(None, store)).items] == ["나이키"]
    product = understand("any vegan cake?")
    assert understand("how late is it open?", Context(None, product)).items == ()
    assert understand("백화점은 오늘 몇 시까지 해요?", Context(None, store)).items == ()
    assert understand("전화번호 알려줘", Context(None, understand("약국 있나요?"))).place == ("약국",)


def test_a_budget_or_a_refusal_continues_a_plan() -> None:
    first = understand("제사상 차리려는데 뭐가 필요해?")
    budget = understand("예산 20만원이야", Context(None, first))
    assert (budget.intent, budget.items[0].price_max) == (Intent.PLAN, 200_000)
    assert budget.text.startswith(first.text)
    for text in ("사과 빼고", "단 거 못 드셔"):
        assert understand(text, Context(None, first)).intent is Intent.PLAN
    assert understand("화장실 어디예요?", Context(None, first)).intent is Intent.FIND_INFORMATION


def test_endless_digits_are_no_price_in_any_language() -> None:
    for text in ("9" * 1900, f"{'9' * 400}원 이하 사과", f"apples under {'9' * 400} won", f"{'9' * 400}韩元以下"):
        assert all(item.price_max is None for item in understand(text).items)
