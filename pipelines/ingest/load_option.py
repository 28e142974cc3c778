"""The settings of an installation that decide how landed files are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from installation.settings import DEFAULT_TIME_ZONE, Settings
from pipelines.ingest.text_lines import DEFAULT_MAX_LINE


@dataclass(frozen=True)
class LoadOptions:
    """Settings of a load.

    `time_zone` is the zone of the shop's wall time. `max_line` is the longest allowed line or record of a text file, in
    characters. `reference_date` is the run's; None means the shop's date at the time of the load.
    """

    time_zone: str = DEFAULT_TIME_ZONE
    max_line: int = DEFAULT_MAX_LINE
    reference_date: date | None = None

    @classmethod
    def of(cls, settings: Settings, reference_date: date) -> LoadOptions:
        """Return the options that an installation's settings state, for a run on the reference date."""
        return cls(settings.time_zone, int(settings.max_line_size), reference_date)
