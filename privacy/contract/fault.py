"""A fault in a contract, with the file and the line where it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from privacy.errors import PrivacyError


@dataclass(frozen=True, order=True)
class Fault:
    """One thing wrong in one contract: what came, what was expected, what to do next."""

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
        """The fault for machines."""
        return {
            "path": str(self.path),
            "line": self.line,
            "message": self.message,
            "got": self.got,
            "expected": self.expected,
            "hint": self.hint,
        }


class ContractError(PrivacyError):
    """Contracts cannot be used as they stand; `faults` lists every reason, by file and line."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))
        count = len(self.faults)
        head = f"{count} fault{'' if count == 1 else 's'} in the contracts"
        super().__init__("\n".join([head, *map(str, self.faults)]))
