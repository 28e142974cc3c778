"""A shop with a filled index, and conversations in it with a scripted model or none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from agent_serving.authentication.identity import Identity
from agent_serving.conversation.event import Event
from agent_serving.conversation.opening import Chat
from agent_serving.conversation.part import Parts
from agent_serving.conversation.session import Turn
from agent_serving.conversation.turn import Conversation
from agent_serving.llm.tiers import Tiers
from bench.agent.agent_shop import CALLER, agent_shop, models_at, opened
from bench.agent.hostile_server import HostileServer
from features.retrieval.answer import Caller, CustomerFeatures, FeatureAnswer, Reason
from features.retrieval.reader import FeatureReader
from installation.agent_settings import LlmSettings
from installation.installation import Installation

CUSTOMER = "c_shopper1"
APPLES = {
    "intent": "buy_now",
    "calls": [{"tool": "find_products", "arguments": {"query": "사과"}}],
    "clarification": None,
}
Change = Callable[[Parts], Parts]


def is_plan(request: Mapping[str, Any]) -> bool:
    """Return whether a model is asked for a plan."""
    return "response_format" in request


@dataclass
class Consent:
    """Features of one customer, who permits their use or not."""

    is_given: bool = True

    def permits(self, customer: str, purpose: str) -> bool:
        return self.is_given or purpose == "service_delivery"

    def retrieve(self, customers: Sequence[str], service: str, purpose: str, caller: Caller) -> FeatureAnswer:
        values = {"v:top_category_1": "젓갈애호가", "v:order_count": 77}
        reason = None if self.is_given else Reason.NO_CONSENT
        row = CustomerFeatures(
            customers[0], tuple(v if self.is_given else None for v in values.values()), (reason,) * 2, (None,) * 2
        )
        return FeatureAnswer(service, purpose, datetime(2026, 5, 4), tuple(values), (row,))


@dataclass
class Shop:
    """What the tests of conversations share."""

    installation: Installation
    features: FeatureReader
    server: HostileServer
    requests: list[dict[str, Any]] = field(default_factory=list)
    consent: Consent = field(default_factory=Consent)

    def script(self, answer: str, plan: Mapping[str, Any] = APPLES, transport: str = "whole") -> None:
        """Let the model make this plan and write this answer. `transport` is that of the answer."""

        def choose(request: dict[str, Any]) -> bytes:
            self.requests.append(request)
            if is_plan(request):
                return self.server.answer(request, json.dumps(plan))
            return self.server.answer(request, answer, transport)

        self.requests.clear()
        self.server.choose = choose

    @property
    def model(self) -> LlmSettings:
        """Settings with the scripted model."""
        return models_at(self.server.url, idle_seconds=1, most_seconds=5)

    def talk(
        self,
        *messages: str,
        llm: LlmSettings | None = None,
        customer: str | None = None,
        change: Change | None = None,
        between: Callable[[], None] = lambda: None,
    ) -> tuple[list[list[Event]], list[Turn]]:
        """Hold one conversation; return the events of each message, and the kept turns."""

        async def hold(chat: Chat) -> tuple[list[list[Event]], list[Turn]]:
            chat = with_model(chat, llm or LlmSettings())
            parts = replace(
                chat.parts, permits=self.consent.permits, services=replace(chat.parts.services, features=self.consent)
            )
            conversation = Conversation(change(parts) if change else parts)
            session, _ = chat.access.open(Identity(CALLER, "api_key:test"), customer, None)
            found = []
            for message in messages:
                found.append([event async for event in conversation.events(session, message, None)])
                between()
            kept = chat.parts.sessions.turns(session.id, 50)
            await chat.close()
            return found, kept

        return asyncio.run(hold(opened(self.installation, self.features)))


def with_model(chat: Chat, llm: LlmSettings) -> Chat:
    """Return the conversations with other models."""
    return replace(chat, parts=replace(chat.parts, models=Tiers(llm, chat.parts.metrics.note_call)))


@pytest.fixture(scope="session")
def opened_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    server = HostileServer(1)
    with agent_shop(tmp_path_factory.mktemp("agent")) as (installation, features):
        yield Shop(installation, features, server)
    server.close()


@pytest.fixture
def shop(opened_shop: Shop) -> Shop:
    opened_shop.consent.is_given = True
    return opened_shop


def text_of(events: Sequence[Event]) -> str:
    """Return the text of a turn."""
    return " ".join(str(event.data["text"]) for event in events if event.name == "text")
