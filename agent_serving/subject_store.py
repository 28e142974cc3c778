"""The stores of personal data that the HTTP application owns."""

from __future__ import annotations

from agent_serving.portal.pass_subject_store import PassSubjectStore
from installation.installation import Installation
from privacy.rights.subject_store import SubjectStore


def subject_stores(installation: Installation) -> tuple[SubjectStore, ...]:
    """Return the stores of the application, see `SubjectStore`."""
    return (PassSubjectStore(installation),)
