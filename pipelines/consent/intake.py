"""Adds the landed consents to the consent record, which also has consents recorded by command and over HTTP."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from pydantic import ValidationError
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from installation.reference_date import LANDED_CONSENTS
from pipelines.consent.record_difference import CORRECTION, find_differences
from pipelines.consent.statement import LANDED_SCHEMA, complete_statements
from pipelines.derived_table.deduplication import latest, newest_first
from pipelines.derived_table.fingerprint import state
from pipelines.derived_table.input_table import read_table
from pipelines.derived_table.table import BuildContext
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.errors import describe_faults
from privacy.consent.record import ConsentRecord
from privacy.consent.repeated_hour import LENIENT
from privacy.consent.rows import RECORD_SCHEMA, as_record
from privacy.consent.state import State
from privacy.consent.view import ConsentView

REGISTER = "bronze/crm_customer"
INPUTS = (LANDED_CONSENTS, REGISTER)
_FREE = ("data_categories", "recipients", "storage", "withdrawal_method", "asked")
_LISTS = ("data_categories", "recipients")
_TEXTS = ("storage", "withdrawal_method", "asked", "note", "recorded_by")
_STATEMENT = ("record_id", "subject_id", "purpose", "event_at")
PERSON_KEYS = ("member_no_token", "email_token", "phone_token", "device_id_token")
"""Columns that may name the person of a landed statement, the strongest first."""


@dataclass(frozen=True)
class IntakeResult:
    """Result of an intake.

    Attributes:
        rows: records in the store.
        added: new records.
        corrected: corrections of earlier records.
        was_current: whether the inputs were unchanged; then nothing was read.
    """

    rows: int
    added: int
    corrected: int
    was_current: bool


def take_in_records(lakehouse: SparkLakehouse, context: BuildContext, view: ConsentView) -> IntakeResult:
    """Add the records that landed since the last intake to the consent record; return the counts.

    If a landed record changed, or the age of its person became known, a correction is added: a new record that names
    the one it replaces. No record is changed or deleted.

    Raises:
        UnknownPurposeError: the purpose of a landed row is not in the taxonomy; then no record is added.
    """
    wanted = "-".join(state(name, lakehouse, context) for name in INPUTS)
    with closing(view.open()) as store:
        if store.taken(LANDED_CONSENTS) == wanted:
            return IntakeResult(store.sequence()[0], 0, 0, was_current=True)
        landed = landed_records(*(read_table(name, lakehouse, context) for name in INPUTS))
        rows = complete_statements(
            landed.toArrow().cast(LANDED_SCHEMA), view.policy, view.controller, view.moment, context.time_zone
        )
        new, corrected = _records_to_add(rows, store.record_table(), view.moment)
        store.append([*new, *corrected])
        store.note_taken(LANDED_CONSENTS, wanted)
        return IntakeResult(store.sequence()[0], len(new), len(corrected), was_current=False)


def landed_records(events: DataFrame, register: DataFrame) -> DataFrame:
    """Return the landed statements with the columns of `RECORD_SCHEMA`, in the order of recording.

    The source person is the member, else the e-mail address, telephone number or device. Rows without any are left
    out. The age is null where the register has no birth date.

    Of several rows with one record_id the row loaded last counts. A row that denies counts beside it, under an
    identifier of its own, if it is about another person, purpose or time, and for each person that it names. So an
    identifier that was used twice, or a wrong member number beside a right address, hides no withdrawal.

    Args:
        events: bronze/consent_event in its standard form.
        register: bronze/crm_customer in its standard form, for the ages.
    """
    born = latest(register, ["member_no_token"]).select(
        F.col("member_no_token").alias("subject_id"), F.col("birth_date").try_cast("date").alias("_born")
    )
    keys = F.array_compact(F.array(*(F.col(name) for name in PERSON_KEYS if name in events.columns)))
    denies = ~F.col("state").isin(sorted(LENIENT))
    persons = F.posexplode(F.when(denies, keys).otherwise(F.slice(keys, 1, 1))).alias("_key", "subject_id")
    once = latest(events.select("*", persons), _STATEMENT).withColumn(
        "_rank", newest_first(["record_id"], F.col("_key"))
    )
    rows = once.where((F.col("_rank") == 1) | denies).join(born, "subject_id", "left")
    digest = F.sha2(F.concat_ws("|", "subject_id", "purpose", F.col("event_at").cast("string")), 256)
    made: dict[str, Column] = {
        "record_id": F.when(F.col("_rank") == 1, F.col("record_id")).otherwise(
            F.concat_ws(":", "record_id", F.substring(digest, 1, 16))
        ),
        "effective_at": F.col("event_at"),
        "expires_at": F.col("event_at") + F.make_dt_interval(days=F.col("valid_days")),
        "age_years": _age("_born", "event_at").cast("int"),
        "evidence_hash": F.lower("evidence_hash"),
        # Fields that the source does not have, or that a table of an earlier contract lacks.
        **{name: F.lit(None).cast("string") for name in _TEXTS if name not in events.columns},
        # The store has null for an empty list; an empty text would look like a change in each run.
        **{name: F.nullif(F.col(name), F.lit("")) for name in _LISTS},
    }
    columns = [made.get(name, F.col(name)).alias(name) for name in RECORD_SCHEMA.names]
    return rows.select(*columns).orderBy(F.coalesce("recorded_at", "effective_at"), "record_id")


def _age(born: str, at: str) -> Column:
    """Return the age in full years; null if it is unknown or outside 0 to 150."""
    is_before = F.month(at) * 100 + F.dayofmonth(at) < F.month(born) * 100 + F.dayofmonth(born)
    years = F.year(at) - F.year(born) - F.when(is_before, 1).otherwise(0)
    return F.when(years.between(0, 150), years)


def _records_to_add(
    landed: pa.Table, stored: pa.Table, moment: datetime
) -> tuple[list[ConsentRecord], list[ConsentRecord]]:
    """Return the new records and the corrections. Only these rows become Python objects and are validated."""
    found = find_differences(landed, stored)
    new = [_checked(row) for row in found.new.to_pylist()]
    corrected = []
    for row, before in zip(found.changed.to_pylist(), found.stored.to_pylist(), strict=True):
        number = int(before["record_id"].partition(CORRECTION)[2] or 0) + 1
        own = {
            "record_id": f"{row['record_id']}{CORRECTION}{number}",
            "recorded_at": max(moment, before["recorded_at"]),
            "supersedes": before["record_id"],
        }
        corrected.append(_checked(row | own))
    return new, corrected


def _checked(row: dict[str, Any]) -> ConsentRecord:
    try:
        return as_record(row)
    except ValidationError as error:
        # A field that no record may have. The statement names a person, so it denies what it is about.
        plain = {**dict.fromkeys(_FREE), "notice_version": "none", "notice_language": "und", "method": "unknown"}
        made = {"state": State.UNREAD, "note": describe_faults(error)[:500], "expires_at": None, "age_years": None}
        return as_record(row | plain | made | {"jurisdiction": "ZZ", "expressed_by": "self"})
