"""Holds a fault in a contract, with its file and line, and the error that lists faults."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from privacy.errors import PrivacyError


@dataclass(frozen=True, order=True)
class Fault:
    """One fault in one contract file: message, the value found, the value expected, and a hint what to do."""

    path: Path
    line: int
    message: str
    got: str = ""
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        parts = [("got", self.got), ("expected", self.expected), ("hint", self.hint)]
        detail = "; ".join(f"{name}: {text}" for name, text in parts if text)
        return f"{self.path}:{self.line}: {self.message}" + (f" ({detail})" if detail else "")

    def as_dict(self) -> dict[str, str | int]:
        """Return the fault as a dict, for JSON."""
        return {
            "path": str(self.path),
            "line": self.line,
            "message": self.message,
            "got": self.got,
            "expected": self.expected,
            "hint": self.hint,
        }


class ContractError(PrivacyError):
    """The contracts have faults and cannot be used. `faults` lists all of them, sorted by file and line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        count = len(self.faults)
        head = f"{count} fault{'' if count == 1 else 's'} in the contracts. Correct them and run again:"
        super().__init__("\n".join([head, *map(str, self.faults)]))
