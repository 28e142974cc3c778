"""`SubjectStore`: what every place that holds personal data does for the rights of a person.

A package implements the protocol for each store that it owns, and offers the stores by `subject_stores(installation)`.
A case is complete only if the verification of every store has no residue and nothing unverifiable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from privacy.rights.subject import Subject
from privacy.rights.wording import Wording


@dataclass(frozen=True)
class Holding:
    """Rows about a person in one part of a store.

    Attributes:
        part: the table, file or folder, without personal data.
        rows: number of rows or records.
        description: what they are.
        purposes: purposes of the taxonomy that they serve.
        source: where they came from.
        retention: how long they are kept, and by which law.
    """

    part: str
    rows: int
    description: Wording
    purposes: tuple[str, ...]
    source: Wording
    retention: Wording


@dataclass(frozen=True)
class ExportedField:
    """One field of an exported table, with what the person must know about it (GDPR art. 15(1), PIPA art. 35).

    `is_provided`: the person provided it, so it belongs to data portability. `meaning`: what the values are, in the
    words of the contract.
    """

    name: str
    title: Wording
    purposes: tuple[str, ...]
    source: Wording
    retention: Wording
    type: str = "string"
    is_provided: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class ExportedTable:
    """The rows about one person in one part of a store. Each row has the fields' names as its keys.

    `is_provided`: the person provided these rows, or their use of the service made them (WP 242: observed data), so
    they belong to data portability; derived and inferred rows do not. `recipients`: roles that may read them.
    `withheld_rows`: rows that may be another person's and are therefore left out (GDPR art. 15(4)); `withheld_values`:
    values in these rows that are another person's.
    """

    name: str
    title: Wording
    fields: tuple[ExportedField, ...]
    rows: tuple[Mapping[str, Any], ...] = field(repr=False)
    is_provided: bool = False
    recipients: tuple[str, ...] = ()
    withheld_rows: int = 0
    withheld_values: int = 0


@dataclass(frozen=True)
class Correction:
    """A corrected value of one field: `source` and `column` name the field of a source's contract."""

    source: str
    column: str
    value: str | None = field(repr=False)


class OutcomeKind(StrEnum):
    """Whether a store did what was asked."""

    DONE = "done"
    NOT_APPLICABLE = "not_applicable"
    FAILED = "failed"


@dataclass(frozen=True)
class Retained:
    """Data that the law forbids to erase: which part, which fields, the article, and the last day of the duty."""

    part: str
    fields: tuple[str, ...]
    article: str
    until: str
    rows: int = 0


@dataclass(frozen=True)
class Outcome:
    """The result of `rectify`, `restrict` or `erase` in one store. Holds no personal data.

    Attributes:
        kind: done, not applicable, or failed.
        reason: why it is not applicable or failed, with the object that failed; empty when done.
        counts: numbers such as rows deleted, files rewritten, keys destroyed.
        retained: what the law keeps.
        remaining: sentences about what cannot be recalled or expires later, such as releases and backups.
    """

    kind: OutcomeKind
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    retained: tuple[Retained, ...] = ()
    remaining: tuple[str, ...] = ()

    @classmethod
    def done(
        cls, counts: Mapping[str, int] | None = None, retained: Sequence[Retained] = (), remaining: Sequence[str] = ()
    ) -> Outcome:
        """Return the outcome of a store that did all that was asked."""
        return cls(OutcomeKind.DONE, "", dict(counts or {}), tuple(retained), tuple(remaining))

    @classmethod
    def not_applicable(cls, reason: str) -> Outcome:
        """Return the outcome of a store in which the right does nothing, with the reason."""
        return cls(OutcomeKind.NOT_APPLICABLE, reason)

    @classmethod
    def failed(cls, reason: str, counts: Mapping[str, int] | None = None) -> Outcome:
        """Return the outcome of a store that could not do what was asked. The request stays open."""
        return cls(OutcomeKind.FAILED, reason, dict(counts or {}))


@dataclass(frozen=True)
class CheckedPart:
    """One part that a verification decoded: table, file or page, its version, and the SHA-256 of what was read."""

    part: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Verification:
    """What a store's verification looked at and found. Complete without residues and without unverifiable parts.

    Attributes:
        checked: the parts that were decoded.
        residues: parts in which the person was still found, with the kind of trace and never with the value.
        unverifiable: parts that could not be looked at, with the reason.
    """

    checked: tuple[CheckedPart, ...] = ()
    residues: tuple[str, ...] = ()
    unverifiable: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether everything was looked at and nothing was found."""
        return not self.residues and not self.unverifiable


@runtime_checkable
class SubjectStore(Protocol):
    """A place that holds personal data. Every method is idempotent, so that a killed execution can be resumed.

    A method that cannot look or cannot act returns that as its result (`failed`, `unverifiable`) or raises; both keep
    the request open. It never counts as success.

    A store may have an attribute `after` with names of other stores: it erases only after they have erased without
    failure, such as keys after the tables whose legal records are encrypted again.
    """

    @property
    def name(self) -> str:
        """Short name, unique in the registry, such as `lakehouse`."""
        ...

    @property
    def paths(self) -> tuple[str, ...]:
        """Globs of the files that belong to the store, below the data folder; those below the secret folder start with
        `secret:`. Each file of an installation belongs to a store or to a list with reasons.
        """
        ...

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return what the store holds about the person."""
        ...

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield the rows about this person and about nobody else."""
        ...

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """Correct a value, so that it stays corrected after a reload."""
        ...

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """Stop the use of the person's data beyond storage, or allow it again."""
        ...

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Erase these persons together, with one rewrite of each file."""
        ...

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Decode everything that the store still holds, and look for these persons."""
        ...


def prerequisites(store: SubjectStore) -> tuple[str, ...]:
    """Return the names of the stores that must have erased before this one; see `SubjectStore`."""
    return tuple(getattr(store, "after", ()))
