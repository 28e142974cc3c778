"""Answers for failed requests: `application/problem+json` (RFC 9457) with a stable `code` for programs.

    {"type": "about:blank", "title": "Forbidden", "status": 403, "code": "not_permitted", "detail": "…"}

`detail` says what came, what was expected and what to do next. It contains no personal data.
"""

from __future__ import annotations

from http import HTTPStatus

import orjson
from pydantic import BaseModel
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """The body of an answer to a failed request."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **more: str) -> Response:
    """Return the answer to a request that failed. `more`: further members of the object, as RFC 9457 allows."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)
    return Response(orjson.dumps({**body.model_dump(), **more}), status, headers, MEDIA_TYPE)
