"""The tabs of the privacy pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from agent_serving.console.part import Part
from agent_serving.console.visit import Visit
from privacy.rights.wording import Wording

TABS = {
    "/privacy": Wording("Consents", "동의"),
    "/privacy/request": Wording("Requests", "정보주체 요청"),
    "/privacy/budget": Wording("Privacy budgets", "프라이버시 예산"),
    "/privacy/release": Wording("Releases", "공개 데이터"),
    "/privacy/audit": Wording("Audit log", "감사 기록"),
    "/privacy/processing": Wording("Record of processing", "처리 활동 기록"),
}
"""By address below `/console`."""


def show_tab(visit: Visit, path: str, parts: Sequence[Part], **content: Any) -> Response:
    """Return one of the privacy pages."""
    shared = {"template": "privacy", "tabs": TABS, "tab": path, "search": None, "older": None, "file": None}
    return visit.render_parts(TABS[path], parts, **(shared | content))
