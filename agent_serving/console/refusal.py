"""Which page an error of the console's services becomes: its status and text."""

from __future__ import annotations

from collections.abc import Mapping

from agent_serving.console.errors import PageRefused, UnknownCustomer, UnknownEntry
from agent_serving.errors import StaffAccountError
from installation.errors import LakehouseError
from privacy.access.errors import AccessRefused
from privacy.consent.errors import UnknownPurposeError
from privacy.rights.wording import Wording

CASES: Mapping[type[Exception], tuple[int, Wording]] = {
    PageRefused: (
        403, Wording("Your role may not open this page.", "이 페이지를 열 수 있는 역할이 아닙니다.")
    ),
    AccessRefused: (
        403, Wording("Your role may not read this for the purpose of this session.",
                     "이 역할과 이용 목적으로는 읽을 수 없는 정보입니다.")
    ),
    UnknownCustomer: (
        404, Wording("There is no such customer. Identifiers of another role or purpose do not work here.",
                     "해당 고객이 없습니다. 다른 역할이나 목적의 식별자는 사용할 수 없습니다.")
    ),
    UnknownEntry: (
        404, Wording("There is nothing of this name. It may have been deleted.",
                     "해당 이름의 항목이 없습니다. 삭제되었을 수 있습니다.")
    ),
    UnknownPurposeError: (404, Wording("There is no such purpose.", "해당 이용 목적이 없습니다.")),
    LakehouseError: (
        503, Wording("A table that this page shows does not exist yet. Run the pipeline first.",
                     "이 페이지에 필요한 테이블이 아직 없습니다. 먼저 파이프라인을 실행해 주십시오.")
    ),
    StaffAccountError: (
        503, Wording("The accounts cannot be read now.", "지금은 계정 정보를 읽을 수 없습니다.")
    ),
}  # fmt: skip
EXPLAINED = (AccessRefused, LakehouseError, PageRefused)
"""Errors whose message may be shown: it names tables, columns, roles and purposes, and no person."""
