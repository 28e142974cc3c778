"""Which page an error of the portal's services becomes: its status and text."""

from __future__ import annotations

from collections.abc import Mapping

from agent_serving.web.refusal import INVALID
from privacy.consent.errors import ConsentError, InvalidRecordError, UnknownPurposeError
from privacy.rights import errors as rights
from privacy.rights.wording import Wording

CASES: Mapping[type[Exception], tuple[int, Wording]] = {
    rights.UnknownRequestError: (
        404, Wording("There is no such request, or it is not yours.", "해당 요청이 없거나 고객님의 요청이 아닙니다.")
    ),
    rights.InvalidSubmissionError: (422, INVALID),
    rights.RequestStateError: (
        409, Wording("The request has moved on, so this step is no longer possible.",
                     "요청의 상태가 바뀌어 이 단계를 진행할 수 없습니다.")
    ),
    rights.RightsRefusedError: (403, Wording("This step is not permitted.", "허용되지 않는 단계입니다.")),
    rights.TooManyRequestsError: (
        429, Wording("You have sent as many requests as one day allows. Please try again tomorrow.",
                     "하루에 보낼 수 있는 요청 수를 넘었습니다. 내일 다시 시도해 주십시오.")
    ),
    UnknownPurposeError: (404, Wording("There is no such purpose.", "해당 이용 목적이 없습니다.")),
    InvalidRecordError: (422, INVALID),
    ConsentError: (409, Wording("This consent cannot be changed so.", "이 동의는 그렇게 변경할 수 없습니다.")),
}  # fmt: skip
EXPLAINED = (rights.RequestStateError, rights.RightsRefusedError, rights.InvalidSubmissionError, ConsentError)
"""Errors whose message helps an officer: it names commands and states, and no person."""
