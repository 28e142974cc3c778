"""Why an audience has no answer, in words for the page."""

from __future__ import annotations

from typing import NamedTuple

from features.insight.audience.errors import DefinitionError, NearIdenticalError, TooManyQuestionsError, TooSmallError
from privacy.access.errors import AccessRefused
from privacy.rights.wording import Wording


class Refusal(NamedTuple):
    """Why an audience has no answer: in words of the page, and as the service says it (empty if that adds nothing)."""

    text: Wording
    detail: str


_TEXTS: tuple[tuple[type[Exception], Wording], ...] = (
    (NearIdenticalError, Wording(
        "This audience is too near to an earlier one, or to everybody: the difference of the two sizes would tell "
        "about single customers. Change the rule more, or use the earlier audience.",
        "이전 오디언스 또는 전체 고객과 거의 같습니다. 두 규모의 차이로 개인이 드러날 수 있으므로 규모를 알려 드리지 "
        "않습니다. 조건을 더 바꾸거나 이전 오디언스를 사용하십시오.")),
    (TooManyQuestionsError, Wording(
        "Too many different rules were asked for in this year. Use an audience that exists.",
        "올해 문의한 규칙이 너무 많습니다. 이미 있는 오디언스를 사용하십시오.")),
    (TooSmallError, Wording(
        "Too few customers are in this audience. Make its rule wider.",
        "해당 고객이 너무 적습니다. 조건을 넓혀 주십시오.")),
    (AccessRefused, Wording(
        "Your role may not use this for the purpose of this session.",
        "이 역할과 이용 목적으로는 사용할 수 없습니다.")),
    (DefinitionError, Wording("The rule cannot be used yet.", "아직 사용할 수 없는 조건입니다.")),
)  # fmt: skip
_OTHER = Wording("This was not done.", "처리하지 못했습니다.")


def refusal_of(error: Exception) -> Refusal:
    """Return the words for an error of audiences or of access. They name rules, purposes and columns, no person."""
    text = next((text for kind, text in _TEXTS if isinstance(error, kind)), _OTHER)
    says_more = text is _OTHER or isinstance(error, DefinitionError | AccessRefused)
    return Refusal(text, str(error) if says_more else "")
