"""The settings of an installation that decide how landed files are read."""

from __future__ import annotations

from dataclasses import dataclass

from installation.settings import DEFAULT_TIME_ZONE, Settings
from pipelines.ingest.text_lines import DEFAULT_MAX_LINE


@dataclass(frozen=True)
class LoadOptions:
    """Settings of a load.

    `time_zone` is the zone of the shop's wall time. `max_line` is the longest allowed line or record of a text file, in
    characters.
    """

    time_zone: str = DEFAULT_TIME_ZONE
    max_line: int = DEFAULT_MAX_LINE

    @classmethod
    def of(cls, settings: Settings) -> LoadOptions:
        """Return the options that an installation's settings state."""
        return cls(time_zone=settings.time_zone, max_line=int(settings.max_line_size))
