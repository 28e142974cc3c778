"""A shop for the agent's measurements: an installation in a folder, with the simulator's content in its index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from agent_serving.conversation.opening import Chat, open_chat
from agent_serving.reply.built_in_rules import BuiltInRules
from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import Change
from agent_serving.search.opening import open_index
from features.retrieval.answer import Caller
from features.retrieval.reader import FeatureReader
from installation.agent_settings import LlmSettings, ModelSettings
from installation.installation import Installation
from installation.settings import load_settings
from pipelines.simulate.content import write_content

CALLER = Caller("web-shop", "agent", frozenset({"personalisation", "service_delivery"}), "authenticated")
UNTIL = "2100-01-01"
"""Offers of the content hold for the simulated year only; here for ever."""


def fill_index(installation: Installation) -> None:
    """Put the simulator's content into the installation's index."""
    root = installation.settings.data_dir / "landing"
    write_content(root, np.random.default_rng(1))
    changes = []
    for path in sorted((root / "content").rglob("*.jsonl")):
        documents = [_document(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
        changes.append(Change(str(path.relative_to(root)), "1", documents))
    index = open_index(installation)
    index.write(changes)
    index.close()


def _document(row: dict[str, Any]) -> Document:
    facts = dict(row.get("facts", {}))
    if "valid_until" in facts:
        facts["valid_until"] = UNTIL
    return Document(
        row["id"], Kind(row["kind"]), row["branch"], row["title"], row.get("text", ""), facts, row.get("card", {}),
        tuple(row.get("keywords", ())),
    )  # fmt: skip


def models_at(url: str, **changes: Any) -> LlmSettings:
    """Return settings with one model at a URL."""
    return LlmSettings(models={"small": ModelSettings(url=url, name="any", **changes)})


@contextmanager
def agent_shop(folder: Path, llm: LlmSettings | None = None) -> Iterator[tuple[Installation, FeatureReader]]:
    """Yield an installation with a filled index and its feature reader."""
    settings = load_settings(data_dir=folder).model_copy(update={"llm": llm or LlmSettings()})
    with Installation(settings) as installation:
        _ = installation.consent_store
        fill_index(installation)
        with FeatureReader.open(installation) as features:
            yield installation, features


def opened(installation: Installation, features: FeatureReader) -> Chat:
    """Return the conversations of a shop."""
    from prometheus_client import CollectorRegistry

    return open_chat(installation, features, CollectorRegistry(), lambda _: True, BuiltInRules)
