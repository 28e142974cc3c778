"""Opens everything that the conversations of an application need, on its installation."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from agent_serving.conversation.access import SessionAccess
from agent_serving.conversation.metric import ChatMetrics
from agent_serving.conversation.part import Parts, Rules
from agent_serving.conversation.session_opening import open_sessions
from agent_serving.conversation.turn import Conversation
from agent_serving.errors import AgentNotInstalled
from agent_serving.grounding.other_name import NameBook
from agent_serving.guardrail.guardrail import Guardrail
from agent_serving.guardrail.registered_name import RegisteredNames
from agent_serving.llm.tiers import Tiers
from agent_serving.request_limit import RateLimit
from agent_serving.search.engine import SearchEngine
from agent_serving.search.errors import SearchUnavailable
from agent_serving.search.opening import open_engine
from agent_serving.tool.built_in import built_in_tools, tool_services
from agent_serving.tool.registry import ToolRegistry
from agent_serving.understanding.model import Context
from features.retrieval.reader import FeatureReader
from installation.installation import Installation

PACKAGES = ("kiwipiepy", "tantivy", "presidio_analyzer", "spacy")
"""Packages of the extra `agent`, which an installation without the agent need not have."""
THREADS = 4
"""For rules, tools and sessions. Their own, so that a slow tool does not delay requests of features."""


@dataclass(frozen=True)
class Chat:
    """The conversations of one application."""

    parts: Parts
    access: SessionAccess
    conversation: Conversation
    rate: RateLimit
    search: SearchEngine | None

    async def close(self) -> None:
        """End the work that is running, and close what was opened."""
        await self.parts.models.close()
        self.parts.executor.shutdown(wait=True)
        self.parts.sessions.close()
        if self.search is not None:
            self.search.close()


def open_chat(
    installation: Installation,
    features: FeatureReader,
    registry: CollectorRegistry,
    is_key_active: Callable[[str], bool],
    rules_of: Callable[[ToolRegistry], Rules],
) -> Chat:
    """Open the conversations of an installation. `rules_of` returns the rules that plan with a registry's tools.

    Raises:
        AgentNotInstalled: a package of the extra `agent` is missing.
        ServingError: the sessions cannot be opened.
    """
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise AgentNotInstalled(f"The shopping agent needs the package {package}. Install bojagi[agent].")
    settings, metrics = installation.settings, ChatMetrics(registry)
    search = _open_search(installation)
    tools = built_in_tools(installation)
    sessions = open_sessions(installation)
    parts = Parts(
        rules=rules_of(tools), tools=tools, services=tool_services(installation, features, search),
        guardrail=Guardrail(RegisteredNames(installation)), models=Tiers(settings.llm, metrics.note_call),
        sessions=sessions, metrics=metrics,
        permits=features.permits, clock=installation.clock, shop_time=installation.decision_moment,
        executor=ThreadPoolExecutor(THREADS, thread_name_prefix="chat"), names=NameBook(search),
    )  # fmt: skip
    # The first message should not wait for the language data. Nothing is said here, so a failure is that message's.
    parts.executor.submit(
        lambda: (parts.rules.understand("안녕하세요", Context()), parts.guardrail.check_input("안녕하세요"))
    )
    access = SessionAccess(sessions, settings.chat, installation.clock, is_key_active, search)
    return Chat(parts, access, Conversation(parts), RateLimit(settings.chat.messages_per_minute), search)


def _open_search(installation: Installation) -> SearchEngine | None:
    """Return the engine; None without one, in which case the tools say that they cannot look anything up."""
    try:
        return open_engine(installation)
    except SearchUnavailable:
        return None
