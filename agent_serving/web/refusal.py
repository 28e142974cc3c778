"""Texts of the pages for requests that cannot be answered, on every site."""

from __future__ import annotations

from privacy.rights.wording import Wording

INVALID = Wording("A field has a value that cannot be taken.", "입력하신 값 중 사용할 수 없는 값이 있습니다.")
BROKEN = Wording(
    "This page cannot be shown now, and nothing was changed. Please try again in a few minutes.",
    "지금은 이 페이지를 표시할 수 없습니다. 변경된 내용은 없습니다. 잠시 후 다시 시도해 주십시오.",
)
CROWDED = Wording("Too many requests. Please wait a minute.", "요청이 너무 많습니다. 1분 뒤 다시 시도해 주십시오.")
FORMS: dict[int, Wording] = {
    403: Wording(
        "This form is too old, or it was not sent from this page. Nothing was changed. Go back, reload the page and "
        "send it again; your browser must accept cookies of this site.",
        "양식이 오래되었거나 이 페이지에서 보낸 것이 아닙니다. 변경된 내용은 없습니다. "
        "뒤로 가서 페이지를 새로 고친 뒤 다시 보내 주십시오. 이 사이트의 쿠키를 허용해야 합니다.",
    ),
    413: Wording("The form is too large. Shorten your text.", "양식이 너무 큽니다. 내용을 줄여 주십시오."),
}
"""By the status of the answer to a form."""
UNKNOWN_PAGE = Wording("There is no such page.", "해당 페이지가 없습니다.")
