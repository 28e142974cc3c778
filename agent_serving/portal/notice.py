"""Mails about a request: it was received, approved, refused or extended. They hold no data, only where to look.

A mail is sent to the contact of the request: the address of the person who asked in the portal, or the one that an
officer wrote down. Without a mail server no mail is sent; the pages say the same.
"""

from __future__ import annotations

from enum import StrEnum

from agent_serving.portal import words
from installation.settings import Settings
from privacy.rights.request import Request
from privacy.rights.wording import Wording


class NoticeKind(StrEnum):
    """What a mail tells."""

    RECEIVED = "received"
    APPROVED = "approved"
    REFUSED = "refused"
    EXTENDED = "extended"


_SUBJECTS = {
    NoticeKind.RECEIVED: Wording("We have your request", "요청이 접수되었습니다"),
    NoticeKind.APPROVED: Wording("Your request is approved", "요청이 승인되었습니다"),
    NoticeKind.REFUSED: Wording("Your request is refused", "요청이 거절되었습니다"),
    NoticeKind.EXTENDED: Wording("We need more time for your request", "요청의 답변 기한이 연장되었습니다"),
}
_REASONS = {
    NoticeKind.REFUSED: Wording("Sign in to read why, and how to complain", "로그인하여 사유와 이의 제기 방법을 확인"),
    NoticeKind.EXTENDED: Wording("Sign in to read the new last day", "로그인하여 연장된 기한을 확인"),
}
_STATE = Wording("State of the request, without sign-in, by its number", "로그인 없이 번호로 진행 상태 확인")
_NUMBER, _DUE = Wording("Number", "요청 번호"), Wording("Answer by", "답변 기한")


def notice(kind: NoticeKind, request: Request, reason: str, settings: Settings) -> tuple[str, str]:
    """Return subject and text of a mail in the language of the request. `reason` is what the officer wrote, if any."""
    language, url = request.language, settings.portal.public_url
    lines = [
        f"{_SUBJECTS[kind].text(language)}: {words.RIGHTS[request.right].text(language)}", "",
        f"{_NUMBER.text(language)}: {request.id}",
    ]  # fmt: skip
    if request.state.is_open:
        lines.append(f"{_DUE.text(language)}: {request.due_on.isoformat()}")
    if reason:
        lines += ["", reason]
    if kind in _REASONS:
        lines += ["", f"{_REASONS[kind].text(language)}: {url}/portal"]
    lines += ["", f"{_STATE.text(language)}: {url}/portal/status", ""]
    return f"{settings.controller}: {_SUBJECTS[kind].text(language)}", "\n".join(lines)
