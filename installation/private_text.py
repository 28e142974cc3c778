"""Reads secrets from files that only their owner may read."""

from pathlib import Path

from installation.errors import SettingsError


def read_private_text(file: Path, setting: str) -> str:
    """Return the text of a private file without its last line end. `setting` is the key that names the file.

    Raises:
        SettingsError: the file cannot be read, or other users may read it.
    """
    path = file.expanduser()
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"{setting} {path} can be read by other users; run chmod 600 on it.")
        return path.read_text("utf-8").removesuffix("\n")
    except OSError as error:
        raise SettingsError(
            f"{setting} {path} cannot be read: {error.strerror}. Check the path and its permissions."
        ) from error
