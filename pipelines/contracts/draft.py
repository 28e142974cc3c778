"""Drafts a contract from a file. Guesses are marked, and values of likely identifiers are never written."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

from pipelines.contracts.column_profile import is_time
from pipelines.contracts.contract_draft import Draft, DraftColumn
from pipelines.contracts.draft_correction import correct_draft
from pipelines.contracts.draft_yaml import render_draft
from pipelines.contracts.file_sample import Sample, read_sample
from pipelines.contracts.identifier import find_identifier, is_free_text
from pipelines.contracts.table_profile import profile_columns
from pipelines.ingest.load_option import LoadOptions
from privacy.recognition.column_name import name_column, name_columns

# Concepts that can serve as subject key, the best first.
_SUBJECTS = ("member_no", "account_no", "card_no", "device_id", "email", "phone", "resident_no", "name")
# An address alone does not make a file personal, since stores have addresses too.
_PLACES = {"address", "postal_code", "sido", "sigungu", "dong", "latitude", "longitude"}
_KEY_WORDS = ("id", "no", "key", "code", "number", "uuid")
_EVENT_WORDS = (
    "event",
    "order",
    "purchase",
    "payment",
    "occurred",
    "created",
    "visit",
    "registered",
    "at",
    "on",
)
_NO_EVENT_WORDS = ("birth", "expired", "updated", "end", "received", "joined")
_NEARLY_UNIQUE = 0.97
_MAX_PAIRED = 8  # Columns tried two by two as a primary key.


def draft(path: Path, name: str | None = None) -> str:
    """Return the text of a contract for a CSV, JSON, Parquet or Excel file.

    Every column has `guess: true`. Comments state each guess and its evidence. The draft passes `check` unless a
    human must add something, such as the purposes of a sensitive column, or the encoding where two are possible.

    Raises:
        DraftError: the file is missing, empty, of another format or broken.
    """
    return render_draft(draft_contract(path, name))


def draft_contract(path: Path, name: str | None = None, options: LoadOptions | None = None) -> Draft:
    """Return the guessed contract of a file, corrected by a trial load. `options` are those of the loads of a run.

    Raises:
        DraftError: the file is missing, empty, of another format or broken.
    """
    options = options or LoadOptions()
    sample = read_sample(path)
    names = name_columns(column.header for column in sample.columns)
    profiles, nulls = profile_columns(sample, names)
    columns: list[DraftColumn] = []
    for column in sample.columns:
        profile = profiles[column.header]
        finding = find_identifier(column.header, profile)
        free = finding is None and is_free_text(column.header, profile)
        columns.append(DraftColumn(names[column.header], column.header, profile, finding, free))
    key = _find_key(columns, sample)
    found = {column.finding.concept.concept: column.name for column in columns if column.finding}
    subject_key = next((found[concept] for concept in _SUBJECTS if concept in found), None)
    if subject_key is None and set(found) - _PLACES:
        subject_key = key[0] if key else columns[0].name
    first = Draft(
        name=name or _table_name(path),
        file_name=path.name,
        sample=sample,
        columns=tuple(_settle(column, key, subject_key is not None) for column in columns),
        primary_key=key,
        event_time=_find_event_time(columns),
        subject_key=subject_key,
        nulls=nulls,
        time_zone=options.time_zone if any(column.profile.has_zone_less for column in columns) else None,
    )
    return correct_draft(first, options)


def _settle(column: DraftColumn, key: tuple[str, ...], is_personal: bool) -> DraftColumn:
    """Return the column marked when it is part of the key; without findings when the file is not about persons."""
    finding = column.finding if is_personal else None
    free = column.is_free_text and is_personal
    return replace(column, finding=finding, is_free_text=free, is_key=column.name in key)


def _table_name(path: Path) -> str:
    """Return the file's name without suffix and without numbers such as an export date."""
    words = [word for word in name_column(path.stem.split(".")[0]).split("_") if not word.isdigit()]
    return "_".join(words) or "source"


def _find_key(columns: list[DraftColumn], sample: Sample) -> tuple[str, ...]:
    places = {column.name: place for place, column in enumerate(columns)}

    def rank(column: DraftColumn) -> tuple[bool, bool, int]:
        is_named = column.name.split("_")[-1] in _KEY_WORDS
        return (not is_named, not column.profile.is_unique, places[column.name])

    def is_key(column: DraftColumn) -> bool:
        # Exports sometimes repeat a row. A few repetitions are an error and do not rule out the key.
        is_nearly = not rank(column)[0] and column.profile.distinct_share >= _NEARLY_UNIQUE
        return not is_time(column.profile) and (column.profile.is_unique or is_nearly)

    possible = [c for c in columns if c.profile.is_required and c.profile.logical_type != "number"]
    keys = [column for column in possible if is_key(column)]
    if keys:
        return (min(keys, key=rank).name,)
    # Columns of the key are required, so their texts are in the order of the rows.
    for one, other in combinations(sorted(possible, key=rank)[:_MAX_PAIRED], 2):
        if len(set(zip(one.profile.texts, other.profile.texts, strict=True))) == sample.rows > 1:
            return (one.name, other.name)
    return ()


def _find_event_time(columns: list[DraftColumn]) -> str | None:
    def rank(column: DraftColumn) -> tuple[bool, int]:
        words = column.name.split("_")
        places = [_EVENT_WORDS.index(word) for word in words if word in _EVENT_WORDS]
        return (column.profile.logical_type != "timestamp", min(places, default=len(_EVENT_WORDS)))

    def is_possible(column: DraftColumn) -> bool:
        return is_time(column.profile) and not set(column.name.split("_")) & set(_NO_EVENT_WORDS)

    possible = [column for column in columns if is_possible(column)]
    return min(possible, key=rank).name if possible else None
