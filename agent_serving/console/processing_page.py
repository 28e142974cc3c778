"""The record of processing activities, from the contracts and the purposes, as a page and as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from agent_serving.console.handling import add_page
from agent_serving.console.paging import paging_of
from agent_serving.console.part import Grid, Note
from agent_serving.console.privacy_tab import show_tab
from agent_serving.console.visit import Visit
from agent_serving.portal.words import BASES
from installation.contract.document import Contract
from installation.contract.plain_name import readable
from privacy.rights.wording import Wording

router = APIRouter(prefix="/console")
HEADS = (
    Wording("Purpose", "처리 목적"), Wording("Table", "테이블"), Wording("Legal basis", "법적 근거"),
    Wording("Law", "근거 법령"), Wording("Persons", "정보주체"), Wording("Data", "개인정보 항목"),
    Wording("Special data", "민감정보"), Wording("Recipients", "제공받는 자"), Wording("Kept for", "보유 기간"),
    Wording("Responsible", "담당"),
)  # fmt: skip
_PERSONS = Wording("customers", "고객")


@dataclass(frozen=True)
class Activity:
    """One purpose for which the personal data of one table is used."""

    purpose: str
    contract: Contract
    bases: tuple[str, ...]
    article: str
    categories: tuple[str, ...]
    special: tuple[str, ...]
    recipients: tuple[str, ...]


def activities(visit: Visit) -> list[Activity]:
    """Return the record, by purpose and table; tables without personal data are left out."""
    installation = visit.console.installation
    found: list[Activity] = []
    for contract in installation.contracts.values():
        columns = [one for one in installation.catalog.columns(contract.table) if one.is_personal]
        for purpose in installation.policy.purposes:
            own = [one for one in columns if purpose in one.purposes]
            if own:
                article = installation.policy.taxonomy[purpose].article or own[0].legal_article
                found.append(
                    Activity(
                        purpose, contract, tuple(sorted({one.legal_bases[purpose] for one in own})),
                        " ".join(article.split()), _categories(one.category for one in own),
                        _categories(one.category for one in own if one.is_special), own[0].recipients,
                    )
                )  # fmt: skip
    order = {name: place for place, name in enumerate(installation.policy.purposes)}
    return sorted(found, key=lambda one: (order[one.purpose], one.contract.table))


def show_record(visit: Visit) -> Response:
    """Show the record of processing activities."""
    rows = _rows(visit)
    paging = paging_of(visit, len(rows))
    title = Wording(f"Record of processing activities: {len(rows):,}", f"처리 활동 기록: {len(rows):,}건")
    note = Wording(
        f"Controller: {visit.console.installation.settings.controller}. The record is computed from the contracts that "
        "the pipeline enforces; a change of a contract changes it.",
        f"개인정보처리자: {visit.console.installation.settings.controller}. "
        "파이프라인이 적용하는 계약에서 산출되며 계약이 바뀌면 함께 바뀝니다.",
    )
    empty = Wording("No contract has personal data.", "개인정보가 있는 계약이 없습니다.")
    return show_tab(
        visit, "/privacy/processing", [Note(note), Grid(title, HEADS, rows, empty)], paging=paging,
        file="/console/privacy/processing.csv",
    )  # fmt: skip


def download(visit: Visit) -> Response:
    """Send the whole record as CSV in the language of the page; a byte order mark makes Excel read it as UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text)
    for row in (HEADS, *_rows(visit)):
        writer.writerow([_plain(visit, value) for value in row])
    headers = {"Content-Disposition": 'attachment; filename="record_of_processing.csv"'}
    return Response(text.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _rows(visit: Visit) -> list[list[object]]:
    names = visit.console.names
    return [
        [names.purpose(one.purpose), names.table(one.contract), [BASES[basis] for basis in one.bases], one.article,
         _PERSONS, list(one.categories), list(one.special), [names.recipient(role) for role in one.recipients],
         names.kept(one.contract), one.contract.owner]
        for one in activities(visit)
    ]  # fmt: skip


def _categories(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({_words(one) for one in found}))


def _words(category: str) -> str:
    """Return a term of the vocabulary as words.

    >>> _words("pd:EmailAddress")
    'Email address'
    """
    parts = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", category.partition(":")[2] or category)
    return readable("_".join(part.lower() for part in parts))


def _plain(visit: Visit, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(visit, one) for one in value)
    text = value.text(visit.language) if isinstance(value, Wording) else str(value or "")
    # A spreadsheet would compute a text that begins so.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


add_page(router, "GET", "/privacy/processing", show_record, "privacy")
add_page(router, "GET", "/privacy/processing.csv", download, "privacy")
