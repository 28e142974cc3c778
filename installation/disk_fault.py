"""Recognises a full disk behind an error, also through the errors that libraries wrap it in."""

import errno
from collections.abc import Iterator

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# SQLite, Delta and the engines keep no error number, only the text.
_TEXTS = (
    "no space left on device",
    "disk quota exceeded",
    "file too large",
    "database or disk is full",
    "disk i/o error",
)


def is_disk_full(error: BaseException) -> bool:
    """Return whether the error, or one that it was raised from, says that the disk is full.

    >>> is_disk_full(OSError(errno.ENOSPC, "No space left on device")), is_disk_full(ValueError("full"))
    (True, False)
    """
    return any(_says_full(link) for link in _chain(error))


def mentions_full_disk(text: str) -> bool:
    """Return whether the message of an error says that the disk is full."""
    lowered = text.lower()
    return any(known in lowered for known in _TEXTS)


def _says_full(error: BaseException) -> bool:
    return (isinstance(error, OSError) and error.errno in _FULL) or mentions_full_disk(str(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__]
