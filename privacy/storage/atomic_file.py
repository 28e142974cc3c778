"""Writes a file completely or not at all: readers see the old content or the new content, also after a crash.

Private files (mode 0600) hold secrets and keys. Public files get the mode that the process's umask allows.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE_MODE = 0o600
PRIVATE_FOLDER_MODE = 0o700
PUBLIC_MODE = 0o666
"""Mode before the umask is applied, as `open` does it."""


def create_private_folder(folder: Path) -> None:
    """Create a folder for its owner only, with every missing folder above it. A folder that exists is left as it is."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(mode=PRIVATE_FOLDER_MODE, exist_ok=True)


def create_private(path: Path, text: str) -> bool:
    """Write a new private file. Returns False and changes nothing if the file exists.

    Of several processes that create the file at once, exactly one gets True. The content is on the disk before this
    returns. A missing folder is created for its owner only.
    """
    create_private_folder(path.parent)
    with _draft(path) as draft:
        _write(draft, text.encode(), PRIVATE_MODE, is_durable=True)
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    return True


def replace_private(path: Path, text: str) -> None:
    """Replace a private file, or create it. The content is on the disk before this returns."""
    with _draft(path) as draft:
        _write(draft, text.encode(), PRIVATE_MODE, is_durable=True)
        draft.replace(path)


def replace_public(path: Path, content: str | bytes, *, is_durable: bool = False) -> None:
    """Replace an ordinary file, or create it. A missing folder is created.

    Args:
        path: the file.
        content: its whole new content; text is written as UTF-8.
        is_durable: whether the content must be on the disk before this returns. False for files that can be made again.
    """
    data = content.encode() if isinstance(content, str) else content
    with public_draft(path) as draft:
        _write(draft, data, PUBLIC_MODE, is_durable)


@contextmanager
def public_draft(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to. The draft replaces `path` when the block ends without an error.

    If the block raises, the draft is removed and `path` stays as it was. For libraries that write to a path themselves.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _draft(path) as draft:
        yield draft
        draft.replace(path)


@contextmanager
def private_draft(path: Path) -> Iterator[Path]:
    """Yield the path of an empty private file to write to, as `public_draft` does. Nobody else can open the draft."""
    with _draft(path) as draft:
        _write(draft, b"", PRIVATE_MODE, is_durable=False)
        yield draft
        draft.replace(path)


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Yield an unused path in the same folder, and remove a file left there at the end."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _write(draft: Path, data: bytes, mode: int, is_durable: bool) -> None:
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        if is_durable:
            os.fsync(file.fileno())
