"""What a load did."""

import datetime
from dataclasses import dataclass


@dataclass(frozen=True)
class LoadReport:
    """The outcome of loading one source.

    `rows_read` = `rows_added` + `rows_quarantined` + `rows_known`, over the files that could be read.
    `rows_known` were in the table before. `days` are the days on which the added rows happened, so late
    events name the past days that derived tables must refresh. `faults` are messages for people: files
    that could not be read and notes about files that could; no values of rows.
    """

    source: str
    load_id: str
    files_seen: int = 0
    files_new: int = 0
    rows_read: int = 0
    rows_added: int = 0
    rows_quarantined: int = 0
    rows_known: int = 0
    days: tuple[datetime.date, ...] = ()
    faults: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def is_changed(self) -> bool:
        """Whether the bronze table got rows."""
        return self.rows_added > 0
