"""The store `corrections`: a corrected value replaces the wrong one in bronze now, and in every later load.

Silver, gold and features follow with the next run, because their fingerprints depend on the version of bronze. Files of
the landing zone stay as the source delivered them; the correction stands between them and bronze.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from installation.contract.document import Contract, arrow_type
from installation.contract.plain_name import read_plain_names
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from installation.rights.own_row import STRONG
from installation.rights.owned_file import files_of
from pipelines.ingest.batch import RawBatch
from pipelines.ingest.batch_check import check_batch
from pipelines.ingest.fault import FileFaultError, RowFaults
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.value_rule import value_rules
from privacy.protection.correction_list import CorrectionError, CorrectionList
from privacy.protection.field import TableColumn
from privacy.protection.revealer import SUBJECT_RIGHTS
from privacy.protection.source_person import HASH_COLUMNS, Protection, row_names
from privacy.rights.subject import Subject
from privacy.rights.subject_scan import verify_files
from privacy.rights.subject_store import (
    Correction,
    ExportedField,
    ExportedTable,
    Holding,
    Outcome,
    Verification,
)
from privacy.rights.wording import Wording

_PART = "corrections"
_TITLE = Wording("Corrections that you asked for", "정정 요구 내역")
_SOURCE = Wording("Your requests for rectification", "고객님의 정정 요구")
_KEPT = Wording("As long as the corrected record", "정정된 기록을 보유하는 동안")
_PURPOSES = ("quality_assurance",)
_FIELDS = {
    "table": Wording("Corrected table", "정정된 표"),
    "field": Wording("Corrected field", "정정된 항목"),
    "value": Wording("Corrected value", "정정된 값"),
    "recorded_at": Wording("Recorded", "기록 일시"),
}


@dataclass(frozen=True)
class Corrections:
    """The corrections of an installation, see `SubjectStore`. Call `rectify` while holding the run lock."""

    installation: Installation
    who: str = "bojagi rights"
    name: str = "corrections"
    paths: tuple[str, ...] = ("correction/**",)

    @property
    def stored(self) -> CorrectionList:
        """The list of corrections."""
        corrections = self.installation.protection.corrections
        if corrections is None:
            raise CorrectionError("This installation was opened without its list of corrections.")
        return corrections

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of corrections of the person."""
        count = len(self.stored.of_persons(subject.source_persons))
        return [Holding(_PART, count, _TITLE, _PURPOSES, _SOURCE, _KEPT)] if count else []

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the corrections of the person."""
        names = read_plain_names(self.installation.settings.contract_dirs)
        rows = []
        for one in self.stored.of_persons(subject.source_persons):
            contract = self.installation.contracts.source(one.source)
            shown = (names.table(contract).en, names.column(contract, one.column).en, one.value, one.recorded_at)
            rows.append(dict(zip(_FIELDS, shown, strict=True)))
        if rows:
            fields = tuple(ExportedField(name, title, _PURPOSES, _SOURCE, _KEPT) for name, title in _FIELDS.items())
            yield ExportedTable(_PART, _TITLE, fields, tuple(rows), is_provided=True)

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Store a correction and replace the wrong value in bronze.

        A source is corrected here if it has one record for each of the person's own numbers, such as a registration.
        In a source with a row for each event, such as purchases, one value for all rows would be wrong.
        """
        contract = self.installation.contracts.source(correction.source)
        fault, value = _checked(contract, correction, self.installation)
        if fault:
            return Outcome.failed(fault)
        persons = {one for one in subject.source_persons if one.startswith(f"{contract.name}:")}
        if not persons or not self.installation.lakehouse.exists(contract.table):
            return Outcome.not_applicable(f"{contract.table} has no record of the person.")
        rows = self._rows(contract, persons)
        texts = rows[correction.column].cast(pa.string()).to_pylist()
        # Before bronze: a load that runs after a kill then corrects as well.
        wrong = {self.stored.mark(text) for text in texts}
        self.stored.add(contract.name, persons, correction.column, value, wrong, self.installation.shop_time())
        changed = [row for row, text in enumerate(texts) if text != value]
        if changed:
            column = contract.column(correction.column)
            fresh = _fresh(self.installation.protection, contract, column.name, value, rows.take(changed))
            _write(self.installation.lakehouse, contract.table, fresh)
        return Outcome.done({"rows_corrected": len(changed), "rows": len(texts)})

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Do nothing: the consent record stops the use."""
        return Outcome.not_applicable("Corrections are applied to loads only; the consent record stops every use.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Delete the corrections of the persons."""
        persons = {one for subject in subjects for one in subject.source_persons}
        return Outcome.done({"corrections_deleted": self.stored.erase(persons)})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode the list and look for the persons."""
        settings = self.installation.settings
        return verify_files(subjects, files_of(settings, self.paths), settings.data_dir)

    def _rows(self, contract: Contract, persons: set[str]) -> pa.Table:
        """Return the persons' rows of a register in clear, with their tokens and hashes."""
        key = contract.column(str(contract.subject_key)).token_name
        listed = ", ".join(f"'{one.partition(':')[2]}'" for one in sorted(persons))
        found = self.installation.lakehouse.select(contract.table, "*", f'"{key}" IN ({listed})')
        return self.installation.revealer(self.who, SUBJECT_RIGHTS)(contract, found)


def _checked(contract: Contract, correction: Correction, installation: Installation) -> tuple[str, str | None]:
    """Return why a correction is refused (empty if it is not), and the value as bronze has it."""
    names = [column.name for column in contract.columns]
    if correction.column not in names:
        return f"{contract.table} has no field {correction.column}; it has {', '.join(names)}.", None
    if correction.column == contract.subject_key:
        return f"{contract.table}: {correction.column} names the record itself. Correct it in the source.", None
    subject = contract.column(contract.subject_key) if contract.subject_key else None
    if subject is None or subject.token not in STRONG or subject.name not in contract.primary_key:
        return (
            f"{contract.table} has many rows of one person. Correct them in the source and load its file again.",
            None,
        )
    column = contract.column(correction.column)
    single = replace(contract, columns=(column,), check_severity={})
    rules = value_rules(single, LoadOptions(time_zone=installation.settings.time_zone), installation.shop_time())
    given = {column.name: pa.array([correction.value], pa.string())}
    try:
        checked = check_batch(RawBatch(given, np.array([1]), lambda _: {}, RowFaults.none(1)), single, rules)
    except FileFaultError:
        return f"{contract.table}.{column.name}: the corrected value cannot be read as {column.spark_type}.", None
    if not checked.faults.is_sound.all():
        rule = checked.faults.fault(0).rule
        return f"{contract.table}.{column.name}: the corrected value breaks the contract ({rule}).", None
    value: str | None = checked.columns[column.name].cast(pa.string())[0].as_py()
    return "", value


def _fresh(protection: Protection, contract: Contract, name: str, value: str | None, rows: pa.Table) -> pa.Table:
    """Return the row hashes of bronze rows with the corrected column, its token and its flag."""
    column = contract.column(name)
    texts = pa.array([value] * rows.num_rows, pa.string())
    rows = rows.combine_chunks()
    fresh: dict[str, pa.Array] = {one: rows[one].chunk(0) for one in HASH_COLUMNS}
    if column.token and column.token_name:
        fresh[column.token_name] = protection.tokens.tokens(column.token, texts).cast(pa.string())
    if column in contract.flagged_columns:
        fresh[column.flag_name] = pa.array([True] * rows.num_rows)
    if column.is_confidential:
        key = str(contract.column(str(contract.subject_key)).token_name)
        owners = pa.array([f"{contract.name}:{token}" for token in rows[key].to_pylist()], pa.string())
        marks = row_names(*(fresh[one].to_numpy().view(np.uint64) for one in HASH_COLUMNS))
        fresh[name] = protection.cipher.encrypt(texts, owners, marks, TableColumn(contract.table, name))
    else:
        fresh[name] = texts.cast(arrow_type(column.spark_type))
    return pa.table(fresh)


def _write(lakehouse: Lakehouse, table: str, fresh: pa.Table) -> None:
    """Replace columns of the rows with these hashes, in one commit. Its log has no value and names no person."""
    same = " AND ".join(f"target.{name} = fresh.{name}" for name in HASH_COLUMNS)
    changed = {name: f"fresh.{name}" for name in fresh.column_names if name not in HASH_COLUMNS}
    merge = lakehouse.delta(table).merge(fresh, predicate=same, source_alias="fresh", target_alias="target")
    merge.when_matched_update(updates=changed).execute()
