"""The settings of an installation that decide how landed files are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from installation.settings import DEFAULT_TIME_ZONE, Settings
from installation.source_credential import SourceCredential
from pipelines.ingest.text_lines import DEFAULT_MAX_LINE


@dataclass(frozen=True)
class LoadOptions:
    """Settings of a load.

    `time_zone` is the zone of the shop's wall time. `max_line` is the longest allowed line or record of a text file, in
    characters. `reference_date` is the run's; None means the shop's date at the time of the load. `credentials` are
    those of databases and buckets, by the name of the contract's server. `storage_options` are those of the lakehouse,
    which a bucket shares unless its own credentials say otherwise. `fetch_dir` is a private folder for objects of
    buckets while they are loaded; None means one of the system's temporary folders. `landing_root` is the URL below
    which files arrive; None means the landing folder.
    """

    time_zone: str = DEFAULT_TIME_ZONE
    max_line: int = DEFAULT_MAX_LINE
    reference_date: date | None = None
    credentials: Mapping[str, SourceCredential] = field(default_factory=dict)
    storage_options: Mapping[str, str] = field(default_factory=dict)
    fetch_dir: Path | None = None
    landing_root: str | None = None

    @classmethod
    def of(cls, settings: Settings, reference_date: date) -> LoadOptions:
        """Return the options that an installation's settings state, for a run on the reference date."""
        return cls(
            settings.time_zone, int(settings.max_line_size), reference_date, settings.source_credentials,
            settings.storage_options, settings.fetch_dir, settings.landing_root,
        )  # fmt: skip
