"""Takes the landed consents into the consent record, where the typed ones are: from there both sides read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from installation.reference_date import LANDED_CONSENTS as LANDED
from pipelines.derived_table.deduplication import latest
from pipelines.derived_table.fingerprint import state
from pipelines.derived_table.input_table import read_table
from pipelines.derived_table.table import BuildContext
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from privacy.consent.errors import ConsentError
from privacy.consent.record import ConsentRecord
from privacy.consent.rows import RECORD_SCHEMA, as_record
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView

REGISTER = "bronze/crm_customer"
INPUTS = (LANDED, REGISTER)
_OWN = ("record_id", "recorded_at", "supersedes")
"""What a corrected record has of its own; the rest is what it says."""
_SAID = tuple(name for name in RECORD_SCHEMA.names if name not in _OWN)

_CORRECTION = ":correction:"
"""Stands between the identifier that a record landed with and the number of its correction."""


@dataclass(frozen=True)
class IntakeReport:
    """How many records there are, how many of them are new, and whether anything had changed at all."""

    rows: int
    added: int
    corrected: int
    was_current: bool


def take_in_records(lakehouse: SparkLakehouse, context: BuildContext, view: ConsentView) -> IntakeReport:
    """Add to the record what landed since. What landed otherwise than before, or whose age is known now, is corrected.

    A correction is a record of its own that names the one before; nothing is changed or deleted.

    Raises:
        ConsentError: a landed row holds no record; nothing is taken in then, and nothing built on it.
    """
    wanted = "-".join(state(name, lakehouse, context) for name in INPUTS)
    store = view.open()
    try:
        if store.taken(LANDED) == wanted:
            return IntakeReport(store.sequence()[0], 0, 0, was_current=True)
        landed = landed_records(*(read_table(name, lakehouse, context) for name in INPUTS))
        rows = landed.toArrow().cast(RECORD_SCHEMA).to_pylist()
        new, corrected = _news(rows, store, view.moment)
        store.append([*new, *corrected])
        store.note_taken(LANDED, wanted)
        return IntakeReport(store.sequence()[0], len(new), len(corrected), was_current=False)
    finally:
        store.close()


def landed_records(events: DataFrame, register: DataFrame) -> DataFrame:
    """Return one row a landed record, with the columns of `RECORD_SCHEMA`, in the order of recording.

    Args:
        events: bronze/consent_event in its standard form.
        register: bronze/crm_customer in its standard form, for the ages.
    """
    born = latest(register, ["member_no_token"]).select(
        F.col("member_no_token").alias("subject_id"), F.col("birth_date").try_cast("date").alias("_born")
    )
    once = latest(events, ["record_id"]).where("member_no_token is not null")
    rows = once.withColumn("subject_id", F.col("member_no_token")).join(born, "subject_id", "left")
    made: dict[str, Column] = {
        "effective_at": F.col("event_at"),
        "expires_at": F.col("event_at") + F.make_dt_interval(days=F.col("valid_days")),
        "age_years": _age("_born", "event_at").cast("int"),
        # The source has one record, and one box, for each purpose.
        "asked": F.lit("separately"),
        "storage": F.lit(None).cast("string"),
        "withdrawal_method": F.lit(None).cast("string"),
    }
    columns = [made.get(name, F.col(name)).alias(name) for name in RECORD_SCHEMA.names]
    return rows.select(*columns).orderBy("recorded_at", "record_id")


def _age(born: str, at: str) -> Column:
    """Age in full years; null when it is unknown or cannot be."""
    is_before = F.month(at) * 100 + F.dayofmonth(at) < F.month(born) * 100 + F.dayofmonth(born)
    years = F.year(at) - F.year(born) - F.when(is_before, 1).otherwise(0)
    return F.when(years.between(0, 150), years)


def _news(
    rows: list[dict[str, Any]], store: ConsentStore, moment: datetime
) -> tuple[list[ConsentRecord], list[ConsentRecord]]:
    """The landed records that the store lacks, and the corrections of those that say something else now."""
    newest = _newest(store.record_table().to_pylist())
    new, corrected = [], []
    for row in rows:
        held = newest.get(row["record_id"])
        if held is None:
            new.append(_checked(row))
        elif any(held[name] != row[name] for name in _SAID):
            number = int(held["record_id"].partition(_CORRECTION)[2] or 0) + 1
            own = {
                "record_id": f"{row['record_id']}{_CORRECTION}{number}",
                "recorded_at": max(moment, held["recorded_at"]),
                "supersedes": held["record_id"],
            }
            corrected.append(_checked(row | own))
    return new, corrected


def _newest(held: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Records by the identifier that they landed with; of a corrected one the last correction."""
    return {row["record_id"].partition(_CORRECTION)[0]: row for row in held}


def _checked(row: dict[str, Any]) -> ConsentRecord:
    try:
        return as_record(row)
    except ValidationError as error:
        faults = "; ".join(_told(error))
        raise ConsentError(
            f"{LANDED}, record {row['record_id']}: {faults}. Correct it at its source; until then none is taken in."
        ) from None


def _told(error: ValidationError) -> Iterator[str]:
    for fault in error.errors():
        yield f"{'.'.join(map(str, fault['loc'])) or 'record'}: {fault['msg']}"
