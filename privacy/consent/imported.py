"""Reads consent records from imported rows: of the landed source `consent_event`, or of another store's export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from privacy.consent.errors import ConsentError, describe_faults
from privacy.consent.record import ConsentRecord
from privacy.consent.rows import as_record


def read_exported(row: Mapping[str, Any], place: str) -> ConsentRecord:
    """Return the record of an exported row, which has the fields of `ConsentRecord`; lists may be joined by commas.

    Raises:
        ConsentError: naming the fields at fault, never their values.
    """
    lists = {name: _joined(row.get(name)) for name in ("data_categories", "recipients")}
    return _checked({**row, **lists}, place)


def read_landed(
    row: Mapping[str, Any], tokenise: Callable[[str], str | None], age_years: Callable[[str, datetime], int | None],
    place: str,
) -> ConsentRecord:  # fmt: skip
    """Return the record of a row of the landed source `consent_event`.

    Args:
        row: the source's fields, member number in clear.
        tokenise: returns the subject's token of a member number; None when the number has no normal form.
        age_years: returns the member's age in full years at a moment; None when unknown (then only a guardian's
            consent counts under Korean law).
        place: file and line, for messages.

    Raises:
        ConsentError: naming the fields at fault, never their values.
    """
    try:
        member, effective_at = str(row["member_no"]), datetime.fromisoformat(str(row["event_at"]))
        days = row.get("valid_days")
        fields = {name: value for name, value in row.items() if name not in {"member_no", "event_at", "valid_days"}}
    except (KeyError, ValueError) as error:
        raise ConsentError(
            f"{place}: member_no or event_at is missing or not valid; expected the fields of the source consent_event."
        ) from error
    subject = tokenise(member)
    if subject is None:
        raise ConsentError(f"{place}: the member number has no normal form; correct it at its source.")
    made = {
        "subject_id": subject,
        "effective_at": effective_at,
        "expires_at": None if days is None else effective_at + timedelta(days=int(days)),
        "age_years": age_years(member, effective_at),
        **{name: _joined(fields.pop(name, None)) for name in ("data_categories", "recipients")},
    }
    return _checked({**fields, **made}, place)


def _joined(value: Any) -> str | None:
    return ",".join(value) if isinstance(value, (list, tuple)) else value


def _checked(row: dict[str, Any], place: str) -> ConsentRecord:
    try:
        return as_record(row)
    except ValidationError as error:
        raise ConsentError(f"{place}: {describe_faults(error)}. Nothing was imported.") from None
