"""Holds a drafted contract: the guessed columns, primary key, event time and subject key of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.contracts.column_profile import Profile
from pipelines.contracts.file_sample import Sample
from pipelines.contracts.identifier import Finding, may_list_names


@dataclass(frozen=True)
class DraftColumn:
    """One drafted column: name, header in the file, guessed properties, and the personal data found in it."""

    name: str
    header: str
    profile: Profile
    finding: Finding | None
    is_free_text: bool
    is_key: bool = False

    @property
    def enum(self) -> tuple[str, ...]:
        """Values to list as an enumeration; empty for identifiers and when the values could be persons' names."""
        is_listable = self.finding is None or self.finding.concept.concept == "sex"
        return self.profile.enum if is_listable and not may_list_names(self.profile.enum) else ()


@dataclass(frozen=True)
class Draft:
    """A drafted contract. `event_time` and `subject_key` are column names, or None when no column fits."""

    name: str
    file_name: str
    sample: Sample
    columns: tuple[DraftColumn, ...]
    primary_key: tuple[str, ...]
    event_time: str | None
    subject_key: str | None

    @property
    def is_personal(self) -> bool:
        """Whether the file seems to hold personal data."""
        return self.subject_key is not None


def list_guesses(column: DraftColumn) -> Iterator[str]:
    """Yield each guess about a column with its evidence. The texts contain no value of the column."""
    profile = column.profile
    if column.finding is not None:
        yield f"{column.finding.concept.category} because {column.finding.evidence}"
    if column.is_free_text:
        yield "free text, which may contain names and numbers; state its purposes"
    if column.is_key:
        repeats = "" if profile.is_unique else ", except a few repeated rows"
        yield f"key because the values of the sample are unique{repeats}"
    if profile.misfits:
        misfits = f"{profile.misfits} of {len(profile.texts)} values are not of type {profile.logical_type}"
        yield f"{misfits} and would be quarantined"
    if profile.rare and column.enum:
        yield f"{profile.rare} of {len(profile.texts)} values are rare, are not listed, and would be quarantined"
    if profile.note:
        yield profile.note
    if column.finding is not None and column.finding.concept.note:
        yield column.finding.concept.note
    if profile.enum and not column.enum:
        yield "few different values; they are not listed because they may be personal data"
