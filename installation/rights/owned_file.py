"""Finds the files of an installation that belong to a store, and those that belong to none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from installation.settings import Settings

SECRET = "secret:"
"""Start of a glob below the secret folder; all others are below the data folder."""


def files_of(settings: Settings, globs: Sequence[str]) -> Iterator[Path]:
    """Yield the files that match a glob of a store, see `SubjectStore.paths`."""
    for name, path in all_files(settings):
        if is_matched(name, globs):
            yield path


def unowned_files(settings: Settings, owned: Iterable[Sequence[str]], exempt: Mapping[str, str]) -> list[str]:
    """Return the files that neither belong to a store nor are exempt with a reason.

    Args:
        settings: name the folders.
        owned: the globs of each store.
        exempt: the reason for each other glob.
    """
    globs = [*exempt, *(glob for one in owned for glob in one)]
    return [name for name, _ in all_files(settings) if not is_matched(name, globs)]


def all_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield every file of the data folder and of the secret folder, with the name that globs match."""
    secret, data = settings.secret_dir, settings.data_dir
    for path in sorted(data.rglob("*")):
        if not path.is_dir() and not path.is_relative_to(secret):
            yield path.relative_to(data).as_posix(), path
    for path in sorted(secret.rglob("*")):
        if not path.is_dir():
            yield SECRET + path.relative_to(secret).as_posix(), path


def is_matched(name: str, globs: Iterable[str]) -> bool:
    """Return whether a name matches a glob; `*` also matches folders.

    >>> is_matched("quality/site/a.html", ["quality/**"]), is_matched("secret:keys.db", ["keys.db"])
    (True, False)
    """
    return any(fnmatchcase(name, glob) for glob in globs)
