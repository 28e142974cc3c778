"""The stores of personal data that the HTTP application owns."""

from __future__ import annotations

from agent_serving.collector.visitor_subject_store import VisitorSubjectStore
from agent_serving.conversation.subject_store import Conversations
from agent_serving.portal.pass_subject_store import PassSubjectStore
from installation.installation import Installation
from installation.rights.file_store import FileStore
from privacy.rights.subject_store import SubjectStore

API_KEYS = "API keys belong to programs and staff. They are revoked, not erased, so that the audit log stays readable."
SEARCH = "The search index holds what the shop offers, and nothing about customers."


def subject_stores(installation: Installation) -> tuple[SubjectStore, ...]:
    """Return the stores of the HTTP application."""
    settings = installation.settings
    return (
        FileStore(settings, "API keys", ("serving/api_key.db*",), API_KEYS),
        FileStore(settings, "search index", ("search/**",), SEARCH),
        Conversations(installation),
        PassSubjectStore(installation),
        VisitorSubjectStore(installation),
    )
