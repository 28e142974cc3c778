"""Plans and answers that are written by rules, with the real tools on a real index."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from agent_serving.grounding.stream import Grounded, GroundedStream
from agent_serving.reply.planner import plan
from agent_serving.reply.suggestion import suggested_products
from agent_serving.reply.template import write_answer
from agent_serving.reply.wording_file import wording
from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import Change
from agent_serving.search.tantivy_engine import TantivyIndex
from agent_serving.tool.customer import CUSTOMER_TOOLS
from agent_serving.tool.item import Item, Note, ToolResult
from agent_serving.tool.order import ORDER_STATUS
from agent_serving.tool.registry import ToolRegistry
from agent_serving.tool.shop import SHOP_TOOLS
from agent_serving.tool.tool import ToolContext, ToolServices
from agent_serving.understanding.model import Context, Language, Slot
from agent_serving.understanding.parser import understand
from bench.agent.fit_intent import read
from features.retrieval.answer import Caller

TOOLS = ToolRegistry((*SHOP_TOOLS, *CUSTOMER_TOOLS, ORDER_STATUS))


def product(number: int, name: str, price: int, allergens: str, name_en: str) -> Document:
    facts = {"name": name, "name_en": name_en, "price_won": price, "floor": "B1", "allergens": allergens}
    return Document(f"product:{number}", Kind.PRODUCT, "main", name, "", facts)


def document(kind: Kind, title: str, **facts: str) -> Document:
    return Document(f"{kind}:1", kind, "*" if kind is Kind.FAQ else "main", title, "", {"name": title, **facts})


DOCUMENTS = (
    product(1, "고디바 초콜릿", 32_000, "milk", "Godiva chocolate"),
    product(2, "린트 초콜릿", 22_800, "none", "Lindt chocolate"),
    document(Kind.STORE, "나이키 본점", name="나이키", floor="5F", hours="10:30-20:00", phone="02-0307-5683"),
    document(Kind.FACILITY, "화장실", name_en="Restroom", floor="1F, 2F"),
    document(Kind.BRANCH, "보자기백화점 본점", hours="10:30-20:00"),
    document(Kind.FAQ, "주차는 무료인가요", answer="두 시간 무료입니다."),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TantivyIndex]:
    found = TantivyIndex(Path(tmp_path_factory.mktemp("index")))
    found.write([Change("content/all.jsonl", "1", DOCUMENTS)])
    yield found
    found.close()


def turn(text: str, index: TantivyIndex | None) -> tuple[str, Grounded]:
    """Return the answer of a visitor's turn, and what the grounding makes of it."""
    said = understand(text)
    context = ToolContext(
        None, Caller("shop", "agent"), "main", said.language, datetime(2026, 1, 5), ToolServices(None, index)
    )
    made = plan(said, TOOLS, context)
    if made.clarification is not None:
        return made.clarification, checked(made.clarification, (), said.language, text)
    results = [TOOLS.call(call.tool, call.arguments, made.intent, context) for call in made.calls]
    answer = write_answer(said, results, said.language)
    return answer, checked(answer, tuple(item for r in results for item in r.items), said.language, text)


def checked(answer: str, items: tuple[Item, ...], language: str, said: str = "") -> Grounded:
    stream = GroundedStream(items, language, said)
    stream.feed(answer)
    return stream.finish()


@pytest.mark.parametrize(
    ("text", "stated", "card"),
    [
        ("초콜릿 있어요?", "22,800원", "product:2"),
        ("나이키 몇 층이에요?", "5층", "store:1"),
        ("화장실 어디예요?", "1층, 2층", "facility:1"),
        ("본점 몇 시까지 해요?", "10:30-20:00", "branch:1"),
        ("주차 무료예요?", "두 시간 무료", "faq:1"),
        ("Do you have chocolate?", "Lindt chocolate: 22,800 won", "product:2"),
        ("トイレはどこですか", "1階", "facility:1"),
        ("洗手间在哪里", "1楼", "facility:1"),
    ],
)
def test_an_answer_states_facts_and_cites_what_it_states(
    text: str, stated: str, card: str, index: TantivyIndex
) -> None:
    _, found = turn(text, index)
    assert stated in found.text
    assert card in {item.id for item in found.cards}
    assert not found.refused


def test_a_wrong_price_in_an_answer_is_noticed(index: TantivyIndex) -> None:
    answer, _ = turn("초콜릿 있어요?", index)
    items = tuple(Item("product", d.id, d.title, d.facts) for d in DOCUMENTS[:2])
    assert checked(answer.replace("22,800", "12,800"), items, "ko").refused


def test_a_product_with_an_avoided_ingredient_is_not_shown(index: TantivyIndex) -> None:
    _, found = turn("우유 알레르기 있는데 초콜릿 추천해줘", index)
    assert [item.id for item in found.cards] == ["product:2"]
    assert "알레르기" in found.text
    _, unlimited = turn("초콜릿 추천해줘", index)
    assert {"product:1", "product:2"} == {item.id for item in unlimited.cards}


def test_without_results_the_help_desk_is_named_and_nothing_is_cited(index: TantivyIndex) -> None:
    answer, found = turn("자전거 있어요?", index)
    assert "고객센터" in found.text
    assert not found.cards
    assert "<<" not in answer


def test_a_failing_search_is_said(index: TantivyIndex) -> None:
    _, found = turn("초콜릿 있어요?", None)
    assert "지금은 확인할 수 없습니다" in found.text


def test_orders_of_a_visitor_ask_to_sign_in() -> None:
    answer = write_answer(understand("주문한 거 언제 와요"), [ToolResult("order_status", (), Note.NO_CUSTOMER)], "ko")
    assert "로그인" in answer


def test_every_plan_fits_the_tools_and_every_answer_the_results(index: TantivyIndex) -> None:
    texts = [row["text"] for row in (*read("tuning.jsonl"), *read("more.jsonl"))][::4]
    refused = {text: found.refused for text in texts if (found := turn(text, index)[1]).refused}
    # `ToolRegistry.call` raises for a call that does not fit its schema.
    assert refused == {}


@pytest.mark.parametrize("language", Language)
def test_all_wordings_pass_the_grounding(language: Language) -> None:
    item = Item("product", "p", "사과", {"name": "사과", "price_won": 1000})
    words = wording(language)
    assert words.keys() == wording(Language.KOREAN).keys()
    single = ("empty", "avoided", "none_safe", "no_customer", "no_data", "unavailable")
    sentences = [*words["question"].values(), *words["opening"].values(), *(words[name] for name in single)]
    sentences += [f"사과: {detail}." for detail in (*words["status"].values(), words["due"], words["often"])]
    refused = [sentence for sentence in sentences if checked(f"{sentence}\n", (item,), language).refused]
    assert refused == []
    assert words["question"].keys() == set(Slot)


def test_a_comparison_names_the_cheaper_one() -> None:
    items = (Item("product", "a", "나이키 운동화", {"brand": "나이키", "price_won": 89_000}),
             Item("product", "b", "푸마 운동화", {"brand": "푸마", "price_won": 59_000}))  # fmt: skip
    answer = write_answer(
        understand("나이키 운동화랑 푸마 운동화 비교해줘"), [ToolResult("find_products", items)], "ko"
    )
    assert "푸마 운동화 쪽이 더 저렴" in answer
    assert "<<'product':[0,1]>>" in answer


def test_a_question_back_is_in_the_language_of_the_message() -> None:
    assert turn("하나 주세요", None)[0] == wording(Language.KOREAN)["question"]["product"]
    assert turn("buy it", None)[0].startswith("Which product")


def test_a_plan_knows_what_belongs_to_an_occasion() -> None:
    assert suggested_products("집들이 가는데 뭐 사 가지")[0] == "디퓨저"
    assert suggested_products("아무 말") == ()


def test_a_follow_up_keeps_the_constraints() -> None:
    first = understand("우유 알레르기 있는데 초콜릿 추천해줘")
    assert understand("더 싼 거 있어?", Context(None, first)).constraints.allergies == ("milk",)


@pytest.mark.parametrize(
    "text", ["안녕하세요", "고마워요~", "네 감사합니다!", "Hi there", "thanks a lot", "こんにちは", "你好", "谢谢"]
)
def test_courtesy_is_answered_with_courtesy_in_whole_sentences(text: str, index: TantivyIndex) -> None:
    said = understand(text)
    answer, grounded = turn(text, index)
    assert answer in wording(said.language)["courtesy"].values()
    assert not grounded.refused


@pytest.mark.parametrize("text", ["안녕하세요 초콜릿 있어요?", "감사 선물 추천해 주세요", "hi, where is nike?"])
def test_a_wish_beside_a_greeting_is_answered(text: str, index: TantivyIndex) -> None:
    assert turn(text, index)[0] not in wording(understand(text).language)["courtesy"].values()


@pytest.mark.parametrize(
    "text", ["주차하려고 하는데요", "How much is parking?", "駐車料金はいくらですか", "停车怎么收费"]
)
def test_answers_are_found_by_topic_in_every_language(text: str, index: TantivyIndex) -> None:
    assert "두 시간 무료" in turn(text, index)[0]


@pytest.mark.parametrize("text", ["ナイキはどこですか", "耐克店在几楼？"])
def test_brands_are_found_in_other_scripts(text: str, index: TantivyIndex) -> None:
    assert "나이키" in turn(text, index)[0]


def test_what_a_plan_shall_not_hold_is_not_searched_for() -> None:
    previous = understand("친구 생일 선물 추천해줘")
    said = understand("와인 말고 다른 거", Context(previous=previous))
    context = ToolContext(None, Caller("shop", "agent"), "main", "ko", datetime(2026, 1, 5), ToolServices())
    queries = [call.arguments.get("query") for call in plan(said, TOOLS, context).calls]
    assert "케이크" in queries
    assert "와인" not in queries


def test_a_visitor_who_wants_a_recommendation_for_nothing_in_particular_gets_the_offers() -> None:
    context = ToolContext(None, Caller("shop", "agent"), "main", "ko", datetime(2026, 1, 5), ToolServices())
    assert "find_offers" in [call.tool for call in plan(understand("뭐 살까 추천해줘"), TOOLS, context).calls]
