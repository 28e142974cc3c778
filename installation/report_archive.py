"""Copies reports to another place: a folder, or an object store. Readers then need no access to the data folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from installation.errors import SettingsError
from installation.object_store.errors import explained
from installation.object_store.place import is_url, list_files, store
from installation.settings import Settings

PATTERNS = ("quality/site/**/*", "released/*/report.*", "synthetic/release/*/report.*")
"""The reports below the data folder: checks of tables, and releases. None of them is about a single person."""


def publish_reports(settings: Settings) -> int:
    """Copy the reports that are new or have changed to `report_archive`; return how many. Nothing is deleted there.

    Raises:
        SettingsError: the settings name no place.
        ObjectStoreError: the place cannot be read or written.
    """
    place, options = settings.report_archive, settings.storage_options
    if place is None:
        raise SettingsError("No place for reports is set. Set report_archive to a folder or to a URL.")
    try:
        there = list_files(place, options)
    except OSError as error:
        raise (explained(error, place, options, "report_archive") if is_url(place) else error) from error
    copied = 0
    for file in _reports(settings.data_dir):
        name, status = file.relative_to(settings.data_dir).as_posix(), file.stat()
        known = there.get(name)
        if known is not None and known.size == status.st_size and known.mtime_ns >= status.st_mtime_ns:
            continue
        copied += store(file, f"{place}/{name}", options)
    return copied


def _reports(data: Path) -> Iterator[Path]:
    for pattern in PATTERNS:
        yield from sorted(path for path in data.glob(pattern) if path.is_file())
