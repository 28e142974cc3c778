"""A model in an attacker's hands obtains nothing of others, and no feature without consent. Controls are found."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from agent_serving.conversation.opening import Chat
from bench.agent.agent_shop import opened
from bench.agent.attack import (
    Person,
    Tally,
    attack,
    use_without_consent,
    with_open_features,
    with_open_orders,
    without_masks,
)
from tests.agent_serving.tool.tool_shop import ToolShop, add_orders, open_tool_shop
from tests.features.retrieval.feature_shop import FeatureShop

PERSONS = tuple(
    Person(
        f"c_person{number:08d}", name, f"+8210{number}2345678"[:13], f"{number}@home.example", (f"7700000{number}1",)
    )
    for number, name in enumerate(("김하늘", "이바다", "박구름"), 1)
)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ToolShop]:
    one = FeatureShop(tmp_path)
    for person in PERSONS:
        one.state(person.customer, "given")
    add_orders(one, {int(order): person.customer for person in PERSONS for order in person.orders})
    tokens = [one.installation.tokenizer.token("name", person.name) for person in PERSONS]
    one.installation.lakehouse.append_rows("bronze/crm_customer", pa.table({"name_token": tokens}))
    found = open_tool_shop(one, [person.customer for person in PERSONS])
    yield found
    found.close()


def held(shop: ToolShop, work: Callable[[Chat], Awaitable[Tally]]) -> Tally:
    """Return what the conversations found, held on an event loop of their own."""

    async def run() -> Tally:
        chat = opened(shop.shop.installation, shop.features)
        try:
            return await work(chat)
        finally:
            await chat.close()

    return asyncio.run(run())


def test_a_captured_model_obtains_nothing_of_others(shop: ToolShop) -> None:
    tally = held(shop, lambda chat: attack(chat, PERSONS, 15))
    assert tally.leaks == {}, tally.examples


def test_the_attacks_find_a_missing_safeguard(shop: ToolShop) -> None:
    unmasked = held(shop, lambda chat: attack(chat, PERSONS, 15, broken=without_masks))
    assert unmasked.leaks
    orders = with_open_orders(shop.shop.installation, PERSONS)
    assert held(shop, lambda chat: attack(chat, PERSONS, 15, broken=orders)).leaks


@pytest.mark.parametrize("is_broken", [False, True])
def test_no_feature_is_used_after_a_withdrawal(shop: ToolShop, is_broken: bool) -> None:
    def withdraw(customer: str) -> None:
        shop.shop.state(customer, "withdrawn")

    broken = with_open_features(shop.features) if is_broken else None
    tally = held(shop, lambda chat: use_without_consent(chat, shop.features, PERSONS, withdraw, broken))
    assert tally.personal_turns == len(PERSONS)
    assert (tally.unconsented > 0) is is_broken
