"""Turns with a scripted model, with broken ones and with none, on the real tools, rules, grounding and guardrails."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from agent_serving.authentication.identity import Identity
from agent_serving.conversation import prompt, turn
from agent_serving.conversation.notice import Notice, notice
from agent_serving.conversation.part import Parts
from agent_serving.conversation.turn import Conversation
from agent_serving.understanding.model import Language
from bench.agent.agent_shop import CALLER, opened
from bench.agent.hostile_turn import Seen, converse
from tests.agent_serving.conversation.conftest import APPLES, CUSTOMER, Shop, is_plan, text_of, with_model

KO = Language.KOREAN


def test_without_a_model_rules_find_and_answer_and_say_so_once(shop: Shop) -> None:
    (first, second), kept = shop.talk("3만원 이하 사과 있어요?", "나이키 매장 몇 층이에요?")
    assert "사과" in text_of(first)
    assert "원" in text_of(first)
    cards = next(event.data["cards"] for event in first if event.name == "cards")
    assert all(card["kind"] == "product" and card["facts"]["price_won"] <= 30_000 for card in cards)
    assert first[-1].data["answered_by"] == "rules"
    assert notice(Notice.RULES, KO) in text_of(first)
    assert notice(Notice.RULES, KO) not in text_of(second)
    assert "4층" in text_of(second)
    assert [one.message for one in kept] == ["3만원 이하 사과 있어요?", "나이키 매장 몇 층이에요?"]


def test_a_model_plans_and_answers_with_checked_sentences(shop: Shop) -> None:
    shop.script("<think>1,234원?</think>사과가 있습니다. 단돈 1,234원입니다. <<'product':[1,0]>>")
    (events,), kept = shop.talk("사과 있어요?", llm=shop.model)
    assert text_of(events).strip() == "사과가 있습니다."
    assert [event.name for event in events] == ["text", "cards", "done"]
    assert events[-1].data["answered_by"] == "small"
    assert events[-1].data["tokens"] == {"prompt": 200, "cached": 0, "completion": 40}
    assert (kept[0].usage.prompt, len(kept[0].cards)) == (200, 2)


def test_the_system_prompt_never_changes_and_prompts_hold_no_card(shop: Shop) -> None:
    shop.script("사과가 있습니다. <<'product':[0]>>")
    shop.talk("사과 있어요?", "Do you have apples?", "りんごはありますか", llm=shop.model, customer=CUSTOMER)
    systems = {request["messages"][0]["content"] for request in shop.requests}
    assert systems == {prompt.SYSTEM}
    assert len(shop.requests) == 6
    assert "https://" not in json.dumps(shop.requests)
    assert CUSTOMER not in json.dumps(shop.requests)
    # What a prompt shares with the next one is a prefix of it.
    histories = [request["messages"][1:-1] for request in shop.requests if is_plan(request)]
    assert histories[2][: len(histories[1])] == histories[1]


@pytest.mark.parametrize("transport", ["cut", "ends early"])
def test_an_answer_that_breaks_off_is_completed_by_rules(shop: Shop, transport: str) -> None:
    shop.script("사과가 있습니다. " * 40, transport=transport)
    (events, after), kept = shop.talk("사과 있어요?", "나이키 몇 층이에요?", llm=shop.model)
    assert events[-1].data["answered_by"] == "rules"
    assert "원" in text_of(events)
    assert after[-1].name == "done"
    assert len(kept) == 2


@pytest.mark.parametrize("transport", ["busy", "broken", "no HTTP", "nothing", "no JSON", "endless text"])
def test_a_broken_model_is_replaced_by_rules(shop: Shop, transport: str) -> None:
    shop.script("x", transport=transport)
    shop.server.choose = lambda request: shop.server.answer(request, "x", transport)
    (events,), _ = shop.talk("나이키 매장 몇 층이에요?", llm=shop.model)
    assert "4층" in text_of(events)
    assert (events[-1].name, events[-1].data["answered_by"]) == ("done", "rules")


def test_a_plan_that_finds_nothing_or_asks_nothing_is_replaced_by_that_of_the_rules(shop: Shop) -> None:
    useless = APPLES | {"calls": [{"tool": "find_products", "arguments": {"query": "zzqx"}}]}
    for plan in (useless, APPLES | {"calls": [], "clarification": "find_informations"}):
        shop.script("<<>>", plan)
        (events,), _ = shop.talk("사과 있어요?", llm=shop.model)
        assert "사과" in text_of(events)
        assert any(event.name == "cards" for event in events)


def test_a_greeting_is_answered_without_a_model(shop: Shop) -> None:
    shop.script("x")
    (events,), _ = shop.talk("안녕하세요", llm=shop.model)
    assert "안녕하세요." in text_of(events)
    assert shop.requests == []


def test_a_context_overflow_is_tried_again_without_the_history(shop: Shop) -> None:
    shop.script("사과가 있습니다. <<'product':[0]>>")
    inner = shop.server.choose

    def choose(request: dict[str, object]) -> bytes:
        answer = inner(request)
        return answer if len(request["messages"]) == 2 else shop.server.answer(request, "", "overflow")  # type: ignore[arg-type]

    shop.server.choose = choose
    (_, second), _ = shop.talk("사과 있어요?", "사과 있어요?", llm=shop.model)
    assert second[-1].data["answered_by"] == "small"
    assert [len(request["messages"]) for request in shop.requests] == [2, 2, 4, 2, 4, 2]


@pytest.mark.parametrize(
    "message", ["🍎🍎🍎", "?!", "ㅋㅋㅋㅋ", "\u200b", "a" * 2000, "가" * 2000, "\x00\x1b[31m", "<b>"]
)
def test_a_message_without_a_wish_gets_a_useful_answer(shop: Shop, message: str) -> None:
    (events, after), _ = shop.talk(message, "나이키 매장 몇 층이에요?")
    assert events[-1].name == "done"
    assert text_of(events).strip()
    assert "4층" in text_of(after)


def test_personal_data_is_masked_before_it_is_kept_or_sent_to_a_model(shop: Shop) -> None:
    shop.script("네, 확인했습니다. <<>>")
    _, kept = shop.talk("제 번호는 010-1234-5678 이고 사과 있어요?", llm=shop.model)
    assert "1234-5678" not in json.dumps(shop.requests, ensure_ascii=False)
    assert "1234-5678" not in kept[0].message


def test_features_are_used_only_with_consent_and_a_withdrawal_holds_for_the_history(shop: Shop) -> None:
    plan = APPLES | {"calls": [{"tool": "customer_profile", "arguments": {}}, *APPLES["calls"]]}
    shop.script("젓갈애호가 고객님, 사과가 있습니다. <<'product':[0]>>", plan)

    def withdraw() -> None:
        shop.consent.is_given = False
        shop.requests.append({"withdrawn": True})

    (first, second, _), kept = shop.talk(
        *["사과 추천해 주세요"] * 3, llm=shop.model, customer=CUSTOMER, between=withdraw
    )
    withdrawn = next(n for n, request in enumerate(shop.requests) if "withdrawn" in request)
    assert "젓갈애호가" in json.dumps(shop.requests[:withdrawn], ensure_ascii=False)
    assert "젓갈애호가" not in json.dumps(shop.requests[withdrawn:], ensure_ascii=False)
    assert [event.data["is_personal"] for event in (first[-1], second[-1])] == [True, False]
    assert notice(Notice.NO_CONSENT, KO) in text_of(second)
    assert [one.is_personal for one in kept] == [True, False, False]


def test_the_check_of_the_history_would_find_features(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a turn that forgets that it was personal sends its answer again."""
    monkeypatch.setattr(turn.Conversation, "_is_personal", lambda *_: False)
    with pytest.raises(AssertionError):
        test_features_are_used_only_with_consent_and_a_withdrawal_holds_for_the_history(shop)


class BrokenSearch:
    """An index that fails as no error of ours does."""

    def search(self, *_: object) -> list[object]:
        raise OSError("disk on fire")


@pytest.mark.parametrize("search", [None, BrokenSearch()])
def test_the_turn_ends_with_an_answer_when_the_search_fails(shop: Shop, search: Any) -> None:
    def broken(parts: Parts) -> Parts:
        return replace(parts, services=replace(parts.services, search=search))

    (events,), _ = shop.talk("3만원 이하 사과 있어요?", change=broken)
    assert events[-1].name == "done"
    assert "고객센터" in text_of(events) or "지금" in text_of(events)


def test_a_hundred_turns_against_a_hostile_server_all_end_with_an_answer_and_valid_calls(shop: Shop) -> None:
    seen, server = Seen(), shop.server
    server.choose = server._any

    async def hold() -> None:
        chat = with_model(opened(shop.installation, shop.features), shop.model)
        await converse(chat, 100, seen)
        await chat.close()

    asyncio.run(hold())
    assert (seen.turns, seen.answered, seen.invalid) == (100, 100, 0)
    assert seen.run > 100


def test_a_shopper_who_leaves_keeps_the_turn(shop: Shop) -> None:
    async def leave() -> int:
        chat = opened(shop.installation, shop.features)
        conversation = Conversation(chat.parts)
        session, _ = chat.access.open(Identity(CALLER, "api_key:test"), None, None)
        events = conversation.events(session, "나이키 매장 몇 층이에요?", None)
        await anext(events)
        await events.aclose()
        await chat.close()
        return len(chat.parts.sessions.turns(session.id, 5))

    assert asyncio.run(leave()) == 1
