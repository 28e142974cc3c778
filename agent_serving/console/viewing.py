"""Notes in the audit log that somebody looked at a customer, before anything is shown."""

from __future__ import annotations

from typing import Literal

from agent_serving.console.subject import Subject
from installation.installation import Installation
from privacy.access.pseudonym import log_pseudonym
from privacy.audit import AuditEntry, loggable


def log_view(
    installation: Installation, who: str, role: str, purpose: str, page: str, subject: Subject | None, *,
    outcome: str = "allowed", action: str = "view", identity: Literal["declared", "authenticated"] = "declared",
) -> None:  # fmt: skip
    """Append the view of a page of a customer. The log names the customer by a pseudonym; None is nobody.

    Raises:
        AuditError: it cannot be logged, so nothing may be shown.
    """
    found = None if subject is None else log_pseudonym(installation.pseudonym_key, subject.customer_id)
    installation.audit_log.append(
        AuditEntry(
            at=installation.clock(), who=loggable(who, 200), role=role, purpose=purpose, action=action,
            table=f"console/{page}", subjects=None if subject is None else 1, outcome=outcome, identity=identity,
            subject=found,
        )
    )  # fmt: skip
