"""Exports of an audience for the page: the programs that get it, and the exports of the past."""

from __future__ import annotations

from typing import Any

from agent_serving.console.visit import Visit
from features.destination.delivery import DeliveryReport
from features.destination.disclosure import disclosures_of
from features.destination.errors import DestinationError
from features.destination.sending import send_changes
from features.insight.group_size import K, told_size
from features.retrieval.answer import Caller
from installation.destination_settings import DestinationSettings, Identifier
from privacy.rights.wording import Wording

SHOWN = 20
_FORMS = {
    Identifier.CUSTOMER_ID: Wording("File with customer numbers", "고객 번호 파일"),
    Identifier.GOOGLE: Wording("File for Google Customer Match", "Google 고객 일치 타겟팅 파일"),
    Identifier.META: Wording("File for Meta Custom Audiences", "Meta 맞춤 타겟 파일"),
}
_EVENTS = Wording("Messages of changes", "변경 사항 전송")


def destinations_of(visit: Visit, audience: str) -> dict[str, DestinationSettings]:
    """Return the destinations of the settings that get an audience, by name."""
    known = visit.console.installation.settings.destinations
    return {name: one for name, one in sorted(known.items()) if one.audience == audience}


def export_to(visit: Visit, audience: str, destination: str, caller: Caller) -> DeliveryReport:
    """Export an audience to one of its destinations now.

    Raises:
        DestinationError: it does not get this audience, another process sends to it, or it did not take all.
        AccessRefused, ConsentError, AuditError, SettingsError: see `send_changes`.
    """
    if destination not in destinations_of(visit, audience):
        raise DestinationError(f"{destination}: the settings do not give it the audience {audience}.")
    report = send_changes(visit.console.installation, destination, by=caller)
    if report.fault or report.failed:
        raise DestinationError(f"{destination}: {report.fault or 'it did not take all.'}")
    return report


def exports_of(visit: Visit, audience: str) -> dict[str, Any]:
    """Return what the page shows: name, form and purpose of each destination, and rows of the newest exports."""
    found = destinations_of(visit, audience)
    purpose = visit.console.names.purpose
    past = disclosures_of(visit.console.installation.lakehouse, audience, SHOWN)
    return {
        "destinations": [
            (name, _EVENTS if one.file is None else _FORMS[one.file.identifiers], purpose(one.purpose))
            for name, one in found.items()
        ],
        "exports": [(one.at, one.destination, purpose(one.purpose), _size(one.count)) for one in past],
    }  # fmt: skip


def _size(count: int) -> Wording:
    size = f"{told_size(count):,}"
    return Wording(f"{size} or more", f"{size}명 이상") if count >= K else Wording(f"fewer than {K}", f"{K}명 미만")
