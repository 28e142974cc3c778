"""Files that only their owner may read, and that appear whole or not at all: secrets, keys, anchors."""

import os
import secrets
from pathlib import Path

PRIVATE_MODE = 0o600
PRIVATE_FOLDER_MODE = 0o700


def create_once(path: Path, text: str) -> bool:
    """Write a new private file, flushed to the disk, and return True; False when it is there already.

    Of several writers at once the first wins. The folder is made, for its owner only, when there is none.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER_MODE)
    draft = _draft(path, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def replace(path: Path, text: str) -> None:
    """Put a private file, flushed to the disk, in the place of the former one."""
    _draft(path, text).replace(path)


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
