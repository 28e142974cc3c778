"""Examines the machine: versions of packages, memory, disk, clock, folders, and who may read the secrets."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from installation.settings import Settings
from pipelines.doctor.examination import Examination, Result

_OTHERS = 0o077
_TOLERATED_SECONDS = 5.0
LEAST_FREE_PERCENT = 2.0
"""Below it a run is likely to fail."""


def of_machine(settings: Settings) -> Iterator[Examination]:
    """Yield the examinations of the machine."""
    yield Examination("packages", _packages, "Install the locked versions: pip install -r requirements.txt")
    yield Examination("memory", lambda: _memory(settings))
    yield Examination("disk", lambda: _disk(settings))
    yield Examination("data folder", lambda: _folders(settings))
    yield Examination("secret folder", lambda: _secrets(settings))
    yield Examination("clock", lambda: clock_of_files(settings.data_dir))


def _packages() -> Result:
    from packaging.requirements import Requirement

    wrong, count = [], 0
    for text in requires("bojagi") or []:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            wrong.append(f"{wanted.name} is {found}, expected {wanted.specifier}")
    if wrong:
        remedy = "Install the locked versions: pip install -r requirements.txt"
        return Result.fail("; ".join(wrong), remedy)
    python = ".".join(map(str, sys.version_info[:3]))
    return Result.ok(f"Bojagi {version('bojagi')}, Python {python}, {count} packages in the versions they must have")


def _memory(settings: Settings) -> Result:
    total, wanted = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), int(settings.engine_memory)
    text = f"engine_memory {wanted / 1e9:.1f} GB of {total / 1e9:.1f} GB"
    if wanted > 0.8 * total:
        return Result.warn(text, "Lower engine_memory to half of the machine's memory, so that the engine spills.")
    return Result.ok(text)


def _disk(settings: Settings) -> Result:
    folder = next(one for one in (settings.data_dir, *settings.data_dir.parents) if one.exists())
    disk = shutil.disk_usage(folder)
    free = 100 * disk.free / disk.total
    text, remedy = f"{disk.free / 1e9:.1f} GB ({free:.0f} %) free", "Free space, or move data_dir to a larger disk."
    if free < LEAST_FREE_PERCENT:
        return Result.fail(text, remedy)
    return Result.warn(text, remedy) if free < settings.alerts.disk_free_percent else Result.ok(text)


def _folders(settings: Settings) -> Result:
    folder = settings.data_dir
    if not folder.exists():
        return Result.skip(f"{folder} does not exist yet; bojagi run makes it")
    own = [folder, *(path for path in folder.iterdir() if path.is_dir())]
    denied = [path for path in own if not os.access(path, os.R_OK | os.W_OK | os.X_OK)]
    if denied:
        return Result.fail(f"cannot be written: {_names(denied)}", f"Give this user access: chown -R $USER {folder}")
    return Result.ok(str(folder))


def _secrets(settings: Settings) -> Result:
    folder = settings.secret_dir
    if not folder.exists():
        if any(settings.data_dir.glob("*.check")):
            return Result.fail(
                f"{folder} is missing, and {settings.data_dir} was written with its secrets",
                "Restore secret_dir from its backup; docs/operate/runbooks.md#secret_missing",
            )
        return Result.skip(f"{folder} does not exist yet; the first run makes it")
    open_ones = [path for path in (folder, *folder.iterdir()) if path.stat().st_mode & _OTHERS]
    if open_ones:
        remedy = f"Close it: chmod -R go= {folder}. Then rotate the keys that others could read (bojagi keys rotate)."
        return Result.fail(f"other users may read {_names(open_ones)}", remedy)
    if folder.is_relative_to(settings.data_dir):
        remedy = "Set secret_dir to a folder on another disk, and back it up apart from the data."
        return Result.warn(f"{folder} lies with the data that it protects", remedy)
    return Result.ok(f"{folder}, for its owner only")


def clock_of_files(folder: Path) -> Result:
    """Return whether a file was written in the future: the clock was put back, or that of a file server differs."""
    files = [path for path in folder.glob("*") if path.is_file()] if folder.exists() else []
    ahead = max((path.stat().st_mtime - time.time() for path in files), default=0.0)
    if ahead > _TOLERATED_SECONDS:
        return Result.fail(f"files in {folder} are {ahead:.0f} s in the future", CLOCK_REMEDY)
    return Result.ok(time.strftime("%Y-%m-%d %H:%M:%S %z"))


CLOCK_REMEDY = "Set the clock by NTP on each machine (timedatectl set-ntp true), then start the services again."


def _names(paths: list[Path]) -> str:
    names = [path.name for path in paths]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
