"""A contract that is still a guess."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.contracts.column_profile import Profile
from pipelines.contracts.identifier import Finding, may_list_names
from pipelines.contracts.sample import Sample


@dataclass(frozen=True)
class DraftColumn:
    """One column of a draft."""

    name: str
    header: str
    profile: Profile
    finding: Finding | None
    is_free_text: bool
    is_key: bool = False

    @property
    def enum(self) -> tuple[str, ...]:
        """The values to list: none of an identifier, none that could be names."""
        is_listable = self.finding is None or self.finding.concept.concept == "sex"
        return self.profile.enum if is_listable and not may_list_names(self.profile.enum) else ()


@dataclass(frozen=True)
class Draft:
    """A drafted contract; `event_time` and `subject_key` are columns, or None where nothing suggests one."""

    name: str
    file_name: str
    sample: Sample
    columns: tuple[DraftColumn, ...]
    primary_key: tuple[str, ...]
    event_time: str | None
    subject_key: str | None

    @property
    def is_personal(self) -> bool:
        """Whether the file is taken to be about persons."""
        return self.subject_key is not None


def list_guesses(column: DraftColumn) -> Iterator[str]:
    """Yield what was guessed of a column and on which evidence; no value is named."""
    profile = column.profile
    if column.finding is not None:
        yield f"{column.finding.concept.category} because {column.finding.evidence}"
    if column.is_free_text:
        yield "free text, which may hold names and numbers; a human names its purposes"
    if column.is_key:
        repeats = "" if profile.is_unique else " but for the few that stand twice"
        yield f"key because no value of the sample repeats{repeats}"
    if profile.misfits:
        misfits = f"{profile.misfits} of {len(profile.texts)} values are no {profile.logical_type}"
        yield f"{misfits} and would be quarantined"
    if profile.rare and column.enum:
        yield f"{profile.rare} of {len(profile.texts)} values are rare, not listed, and would be quarantined"
    if profile.note:
        yield profile.note
    if column.finding is not None and column.finding.concept.note:
        yield column.finding.concept.note
    if profile.enum and not column.enum:
        yield "few values, not listed because they may be people's"
