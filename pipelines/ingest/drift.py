"""Compares the fields of a file with its contract: new, missing and renamed fields are schema drift."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

DriftKind: TypeAlias = Literal["new_field", "missing_field", "renamed_field"]


@dataclass(frozen=True)
class DriftEvent:
    """One difference between the fields of a file and its contract.

    Attributes:
        kind: a field that the contract lacks (`new_field`), a field that the file lacks (`missing_field`), or a field
            that may have got another name (`renamed_field`).
        file: name of the landed file.
        field: name in the file for `new_field`, header in the contract for the others.
        suggestion: name of the most similar field on the other side; None if there is none.
    """

    kind: DriftKind
    file: str
    field: str
    suggestion: str | None = None

    @property
    def message(self) -> str:
        """What differs, in one sentence without the file's name."""
        if self.kind == "new_field":
            return f"column {self.field} is not in the contract and was not loaded"
        if self.kind == "missing_field":
            return f"column {self.field} is not in the file; it is null in all rows of the file"
        return f"column {self.field} is not in the file, which has {self.suggestion} instead"
