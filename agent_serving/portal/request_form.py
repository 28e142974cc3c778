"""Reads the form of a request, and lists what its fields offer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from agent_serving.portal.visit import Person, Visit
from agent_serving.web.errors import FormRefused
from installation.contract.document import Contract
from privacy.rights.law import built_in_request_laws
from privacy.rights.request import CorrectionAsked, Right, Submission
from privacy.rights.subject import ErasureForm
from privacy.rights.wording import Wording

MOST_CORRECTIONS = 3
"""Lines of the form; more corrections are a second request."""
DECISIONS: dict[str, Wording] = {
    "recommendation": Wording("Which products were recommended to me", "어떤 상품이 추천되었는지"),
}
"""Automated decisions that can be asked about, by the name that the explanation uses."""
_PERSONAL_KEYS = frozenset({"member_no", "card_no", "email"})
_CORRECTABLE = frozenset({"direct", "quasi", "sensitive"})


@dataclass(frozen=True)
class Choices:
    """What the form of a right offers: countries, fields that can be corrected, and decisions."""

    countries: tuple[str, ...]
    fields: tuple[tuple[str, Wording, Wording], ...]
    decisions: dict[str, Wording]


def choices_of(visit: Visit, right: Right) -> Choices:
    """Return what the form of a right offers."""
    laws = built_in_request_laws().laws.values()
    own = visit.portal.country
    countries = sorted({code for law in laws for code in law.jurisdictions} - {own})
    fields = _fields(visit) if right is Right.RECTIFICATION else ()
    return Choices((own, *countries), fields, DECISIONS if right is Right.EXPLANATION else {})


def submission_of(visit: Visit, right: Right, person: Person) -> Submission:
    """Return what a person asks with a form.

    Raises:
        ValidationError: a field has a value that no request may have.
        FormRefused: a required field is missing.
    """
    if right is Right.ERASURE and visit.value("confirmed") != "yes":
        raise FormRefused(422, "confirmed", "expected a tick")
    corrections = tuple(_corrections(visit)) if right is Right.RECTIFICATION else ()
    if right is Right.RECTIFICATION and not corrections:
        raise FormRefused(422, "corrections", "expected a field and its right value")
    return Submission(
        right=right,
        customer_id=person.customer_id,
        jurisdiction=visit.value("country") or visit.portal.country,
        channel="portal",
        language=visit.language,
        contact=person.address,
        statement=visit.value("statement", 4000) or None,
        purposes=visit.values("purpose") if right is Right.OBJECTION else (),
        corrections=corrections,
        form=_form(visit) if right is Right.ERASURE else ErasureForm.DELETE,
        decision=(visit.value("decision") or None) if right is Right.EXPLANATION else None,
    )


def _form(visit: Visit) -> ErasureForm:
    try:
        return ErasureForm(visit.value("form") or ErasureForm.DELETE)
    except ValueError as error:
        raise FormRefused(422, "form", "expected delete or anonymise") from error


def stated_day(visit: Visit, name: str) -> date | None:
    """Return a day from a form; None if the field is empty.

    Raises:
        FormRefused: it is no day.
    """
    text = visit.value(name, 10)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise FormRefused(422, name, "expected a day such as 2026-12-31") from error


def _corrections(visit: Visit) -> list[CorrectionAsked]:
    found = []
    known = {name for name, _, _ in _fields(visit)}
    for number in range(MOST_CORRECTIONS):
        name, value = visit.value(f"field_{number}", 130), visit.value(f"value_{number}", 500)
        if not name and not value:
            continue
        if name not in known:
            raise FormRefused(422, f"field_{number}", "expected one of the listed fields")
        source, _, column = name.partition(".")
        found.append(CorrectionAsked(source=source, column=column, value=value or None))
    return found


def _fields(visit: Visit) -> tuple[tuple[str, Wording, Wording], ...]:
    names = visit.portal.names
    return tuple(
        (f"{contract.name}.{column.name}", names.table(contract), names.column(contract, column.name))
        for contract in visit.portal.installation.contracts.sources
        if _is_register(contract)
        for column in contract.columns
        if column.role in _CORRECTABLE and not column.primary_key and column.token not in ("member_no", "account_no")
    )


def _is_register(contract: Contract) -> bool:
    """Return whether a source states facts about persons. Consents are changed on a page of their own."""
    key = next((c for c in contract.columns if c.name == contract.subject_key), None)
    is_consent = any(column.category == "pd:PrivacyPreference" for column in contract.columns)
    return key is not None and key.token in _PERSONAL_KEYS and not is_consent
