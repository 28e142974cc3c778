"""Describes the faults of landed data: of a whole file, or of single rows."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


class FileFaultError(Exception):
    """A file cannot be loaded at all.

    `rule` is the kind of fault, `reason` the message. `line` and `column` give its place; None if unknown.
    """

    def __init__(self, rule: str, reason: str, line: int | None = None, column: str | None = None) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True)
class RowFault:
    """The first rule that a row breaks, in the contract's order of columns. `column` is None for the whole row."""

    column: str | None
    rule: str
    reason: str


@dataclass
class RowFaults:
    """The faults of a batch of rows.

    `codes` has one number per row: 0 for no fault, n for the n-th entry of `meanings`.
    """

    codes: npt.NDArray[np.int32]
    meanings: list[RowFault] = field(default_factory=list)

    @classmethod
    def none(cls, rows: int) -> "RowFaults":
        """Return an object for a batch without faults."""
        return cls(np.zeros(rows, np.int32))

    def mark(self, wrong: npt.NDArray[np.bool_], fault: RowFault) -> None:
        """Record the fault for each row where `wrong` is true and that has no fault yet."""
        fresh = wrong & (self.codes == 0)
        if fresh.any():
            self.meanings.append(fault)
            self.codes[fresh] = len(self.meanings)

    def mark_row(self, row: int, fault: RowFault) -> None:
        """Record the fault for one row, unless the row already has a fault."""
        if self.codes[row] == 0:
            self.meanings.append(fault)
            self.codes[row] = len(self.meanings)

    def fault(self, row: int) -> RowFault:
        """Return the fault of a row; call it only for a row that has a fault."""
        return self.meanings[int(self.codes[row]) - 1]

    @property
    def is_sound(self) -> npt.NDArray[np.bool_]:
        """True for each row without a fault."""
        sound: npt.NDArray[np.bool_] = self.codes == 0
        return sound
