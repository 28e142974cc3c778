"""What can be wrong with landed data, and where: a file as a whole, or rows of it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt


class FileFaultError(Exception):
    """A file cannot be loaded at all. `rule` names the kind of fault; `line` is where, if anywhere."""

    def __init__(self, rule: str, reason: str, line: int | None = None, column: str | None = None) -> None:
        super().__init__(reason)
        self.rule = rule
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True)
class RowFault:
    """Why a row cannot be loaded: the first rule that it breaks, by the contract's order of columns."""

    column: str | None
    rule: str
    reason: str


@dataclass
class RowFaults:
    """The faults of a batch: one code a row (0 = none), and what each code means."""

    codes: npt.NDArray[np.int32]
    meanings: list[RowFault] = field(default_factory=list)

    @classmethod
    def none(cls, rows: int) -> "RowFaults":
        """No fault in any row."""
        return cls(np.zeros(rows, np.int32))

    def mark(self, wrong: npt.NDArray[np.bool_], fault: RowFault) -> None:
        """Record a fault for rows that have none yet."""
        fresh = wrong & (self.codes == 0)
        if fresh.any():
            self.meanings.append(fault)
            self.codes[fresh] = len(self.meanings)

    def mark_row(self, row: int, fault: RowFault) -> None:
        """Record a fault for one row, unless it has one."""
        if self.codes[row] == 0:
            self.meanings.append(fault)
            self.codes[row] = len(self.meanings)

    def fault(self, row: int) -> RowFault:
        """The fault of a row that has one."""
        return self.meanings[int(self.codes[row]) - 1]

    @property
    def is_sound(self) -> npt.NDArray[np.bool_]:
        """Which rows have no fault."""
        sound: npt.NDArray[np.bool_] = self.codes == 0
        return sound
