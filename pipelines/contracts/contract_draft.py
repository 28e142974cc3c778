"""Holds a drafted contract: the guessed columns, primary key, event time and subject key of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipelines.contracts.column_profile import Profile
from pipelines.contracts.file_sample import Sample
from pipelines.contracts.identifier import Finding, may_list_names
from pipelines.contracts.null_guess import NullGuess
from pipelines.contracts.rehearsal import Rehearsal


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
    """A drafted contract. `event_time` and `subject_key` are column names, or None when no column fits.

    `rehearsal` is the trial load of the file with this draft.
    """

    name: str
    file_name: str
    sample: Sample
    columns: tuple[DraftColumn, ...]
    primary_key: tuple[str, ...]
    event_time: str | None
    subject_key: str | None
    nulls: NullGuess = field(default_factory=NullGuess)
    time_zone: str | None = None
    """Zone of the times that state none; None if there are no such times."""
    left_out: tuple[tuple[str, str], ...] = ()
    """Headers of columns that ingest cannot load, each with the reason."""
    rehearsal: Rehearsal | None = None

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
    if profile.rare and column.enum:
        yield f"{profile.rare} of {len(profile.texts)} values are rare and are not listed"
    yield from profile.notes
    if column.finding is not None and column.finding.concept.note:
        yield column.finding.concept.note
    if profile.enum and not column.enum:
        yield "few different values; they are not listed because they may be personal data"


def list_all_doubts(draft: Draft) -> list[str]:
    """Return the questions about the file and all its columns that the file does not answer."""
    trial, guess = draft.rehearsal, draft.sample.encoding
    found: list[str] = []
    if trial is not None and trial.refusal:
        found.append(f"a run would refuse the file: {trial.refusal}")
    elif trial is not None:
        counts = trial.of_column(None).items()
        found += [f"{count} of {trial.rows} rows go to quarantine: {problem.reason}" for problem, count in counts]
    if guess is not None and not guess.is_certain:
        found.append(f"the encoding is {guess.stated}")
    found += [
        f"column {number} has no header and is left out; give it a header to load it" for number in draft.sample.unnamed
    ]
    found += [f"column {json.dumps(header)} is left out: {reason}" for header, reason in draft.left_out]
    return found + [doubt for column in draft.columns for doubt in list_doubts(draft, column)]


def list_doubts(draft: Draft, column: DraftColumn) -> Iterator[str]:
    """Yield each question about a column that its values do not answer, and the rows that go to quarantine for it."""
    yield from column.profile.doubts
    for text, where in draft.nulls.doubts:
        if column.header in where:
            is_listed = text in draft.nulls.values
            change = "it is read as null; remove it from nullValues" if is_listed else "add it to nullValues"
            yield f"{text} may mean null or be a value; {change} if it {'is a value' if is_listed else 'means null'}"
    trial = draft.rehearsal
    if trial is not None and trial.future and column.name == draft.event_time:
        yield f"{trial.future} of {trial.rows} rows are in the future; as events they go to quarantine"
    if draft.rehearsal is not None:
        for problem, count in draft.rehearsal.of_column(column.name).items():
            yield f"{count} of {draft.rehearsal.rows} rows go to quarantine: {problem.reason}"
