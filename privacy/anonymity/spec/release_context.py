"""The decisions that people must make about a release: purpose, recipient, environment and responsibility."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

QUESTIONS: Mapping[str, str] = {
    "purpose": "What is the release for?",
    "legal_basis": "What is the legal basis (PIPA art. 28-2: statistics, scientific research, archiving in "
    "the public interest; or the people's consent)?",
    "recipient": "Who receives it?",
    "environment": "Where and how will they use it (published, sent, in a secure room or through a service)?",
    "controls": "Which contract, access and security controls apply to them?",
    "threats": "Who might try to find a person in it, with which motive and means?",
    "other_data": "Which other data about the same people do recipients or the public have?",
    "harms": "What could happen to a person who is found?",
    "transparency": "How were the people informed, and their representatives consulted?",
    "accountable": "Who is responsible for the release?",
    "policies": "Which principles, policies and procedures apply, and who was trained in them?",
    "reviewers": "Which independent reviewers found it adequate, and when?",
    "records": "Where are the records of processing and disclosure kept?",
    "additional_information": "Where is the information that identifies people stored separately, and who may use it?",
    "no_reidentification": "Where do recipients agree not to re-identify any person (PIPA art. 28-5)?",
    "monitoring": "Who monitors new data and attacks that change the risk?",
    "review_on": "When is it reviewed again?",
    "destroy_on": "By when must recipients destroy it?",
    "incident": "Who is informed, and what is done, when a person was found in it?",
    "highest_acceptable_risk": "Which probability of finding a given person is acceptable?",
}
"""The question that each field answers."""


class Context(BaseModel):
    """Answers that the report quotes. A field that is None is listed as an open question, see `QUESTIONS`."""

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
