"""What only people can say about a release: for whom, why, where, and who answers for it."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

QUESTIONS: Mapping[str, str] = {
    "purpose": "What is the release for?",
    "legal_basis": "Which legal basis does it rest on (PIPA art. 28-2: statistics, scientific research, archiving in "
    "the public interest; or the people's consent)?",
    "recipient": "Who receives it?",
    "environment": "Where and how will they work with it (published, sent, a room or a service of ours)?",
    "controls": "Which contract, access and security controls bind them there?",
    "threats": "Who might try to find somebody in it, with which motive and means?",
    "other_data": "Which other data about the same people do recipients or the public hold?",
    "harms": "What could happen to somebody who is found?",
    "transparency": "How were the people told, and their representatives heard?",
    "accountable": "Who answers for the release?",
    "policies": "Which principles, policies and procedures apply, and who was trained in them?",
    "reviewers": "Who, not being the one who made it, found it adequate, and when?",
    "records": "Where are the records of processing and disclosure kept?",
    "additional_information": "Where is what leads back to people kept apart, and who may use it?",
    "no_reidentification": "Where is it agreed that nobody tries to re-identify anybody (PIPA art. 28-5)?",
    "monitoring": "Who watches for new data and attacks that change the risk?",
    "review_on": "When is it reviewed again?",
    "destroy_on": "When must recipients have destroyed it?",
    "incident": "Who is told, and what is done, when somebody was found in it?",
    "highest_acceptable_risk": "Which chance of finding a given person is still acceptable?",
}
"""What a field answers."""


class Context(BaseModel):
    """Answers that the report quotes; a question without an answer is listed as open. See `QUESTIONS`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    purpose: str | None = None
    legal_basis: str | None = None
    recipient: str | None = None
    environment: str | None = None
    controls: str | None = None
    threats: str | None = None
    other_data: str | None = None
    harms: str | None = None
    transparency: str | None = None
    accountable: str | None = None
    policies: str | None = None
    reviewers: str | None = None
    records: str | None = None
    additional_information: str | None = None
    no_reidentification: str | None = None
    monitoring: str | None = None
    review_on: str | None = None
    destroy_on: str | None = None
    incident: str | None = None
    highest_acceptable_risk: float | None = Field(default=None, gt=0, le=1)
