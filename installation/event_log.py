"""Writes the log: one JSON object a line, about commands, requests and runs, without personal data.

An entry is the name of an event and fields that `Fields` declares; there are no free texts. Three rules make it so:

- A field that is not declared is left out.
- A text is written only if it looks like a name: ASCII letters, digits and some marks, and no long number. Names of
  people in other scripts, e-mail addresses, phone and card numbers do not look so. They become `LEFT_OUT`.
- Of an entry that another package logs, only its level, its package and the line of code are written, never its
  message. Messages of errors are left out in the same way: they may quote a row.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from uuid import uuid4

from installation.errors import SettingsError

if TYPE_CHECKING:
    from installation.log_settings import LogSettings

LEFT_OUT = "(left out)"
LOGGER = logging.getLogger("bojagi")
"""The parent of every logger of ours."""
# Without a handler, Python writes warnings and errors to standard error; nothing is logged unless it is asked for.
LOGGER.addHandler(logging.NullHandler())
_EVENT = "bojagi_event"
_NAME = re.compile(r"[A-Za-z0-9_./:*|{}<> ,()=\-]{0,200}")
# Seven digits, also with marks between them: an identifier, a phone number or a card, but no line of code or day.
_LONG_NUMBER = re.compile(r"\d(?:[ ./:()\-]*\d){6,}")
_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|api_key:[A-Za-z0-9_\-]{1,64}")
"""An identifier that this program has made at random."""
_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
_PROCESS_ID = str(uuid4())
_SOURCE = Path(__file__).parents[1]


class Fields(TypedDict, total=False):
    """What an entry may say, besides its time, level, event, process and request."""

    caller: str | None
    code: str | None
    command: str
    error: str | None
    cause: str | None
    exit_code: int
    files: int
    job: str
    kind: str
    method: str
    ms: float
    passed: bool
    places: list[str]
    removed: int
    route: str
    rows: int | None
    rows_added: int | None
    rows_quarantined: int | None
    run_id: str
    seconds: float
    state: str
    status: int
    table: str
    check: str
    channel: str
    alert: str


def log_event(event: str, *, level: int = logging.INFO, source: str = "bojagi", **fields: Unpack[Fields]) -> None:
    """Log an event. `source` is the name of a logger below `bojagi`; fields that are None are left out."""
    logger = logging.getLogger(source)
    if logger.isEnabledFor(level):
        logger.log(level, event, extra={_EVENT: {k: v for k, v in fields.items() if v is not None}})


def log_error(error: BaseException, *, source: str = "bojagi") -> None:
    """Log the kind of an error and the last places that it passed. Its message may quote a value, so it is left out."""
    places = [f"{_short(frame.filename)}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
    cause = type(error.__cause__).__name__ if error.__cause__ else None
    log_event("error", level=logging.ERROR, source=source, error=type(error).__name__, cause=cause, places=places[::-1])


def new_request_id() -> str:
    """Return a random identifier of a request."""
    return str(uuid4())


@contextmanager
def request_log(request_id: str) -> Iterator[None]:
    """Add the identifier to every entry of the block, also of threads that inherit its context."""
    token = _request_id.set(request_id)
    try:
        yield
    finally:
        _request_id.reset(token)


def open_log(settings: LogSettings, *, is_needed: bool = False) -> None:
    """Let this process log as the settings say. A later call replaces the former one.

    `is_needed`: whether it logs also with the format text, as `bojagi serve` does.

    Raises:
        SettingsError: the file cannot be written.
    """
    if settings.format == "text" and not is_needed:
        return
    handler = _handler(settings.file)
    handler.setFormatter(EntryFormatter())
    handler.addFilter(lambda record: record.levelno >= logging.WARNING or is_own(record))
    for former in [one for one in logging.getLogger().handlers if isinstance(one.formatter, EntryFormatter)]:
        logging.getLogger().removeHandler(former)
        former.close()
    logging.getLogger().addHandler(handler)
    LOGGER.setLevel(settings.level.upper())
    # Requests are logged by ourselves; what the server says at its start is printed.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


class EntryFormatter(logging.Formatter):
    """Formats an entry as one line of JSON, see the module."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, _EVENT, None)
        if isinstance(fields, dict) and is_own(record):
            entry |= {"event": _safe(record.msg)}
            entry |= {name: _safe(value) for name, value in fields.items() if name in Fields.__annotations__}
        else:
            error = record.exc_info[0] if record.exc_info else None
            place = f"{_short(record.pathname)}:{record.lineno}"
            entry |= {"event": "library", "source": _safe(record.name), "places": [_safe(place)]}
            entry |= {} if error is None else {"error": error.__name__}
        entry |= {"process": _PROCESS_ID, "pid": os.getpid()}
        request = _request_id.get()
        return json.dumps(entry if request is None else entry | {"request_id": _safe(request)})


def is_own(record: logging.LogRecord) -> bool:
    """Return whether this program has logged the entry, and no other package."""
    return record.name.split(".")[0] == LOGGER.name


def _safe(value: Any) -> Any:
    """Return a value that may be logged.

    >>> _safe("gold/customer_360"), _safe("kim@example.com"), _safe("010-1234-5678"), _safe("김민수"), _safe(3)
    ('gold/customer_360', '(left out)', '(left out)', '(left out)', 3)
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        return [_safe(one) for one in value]
    if not isinstance(value, str):
        return LEFT_OUT
    if _ID.fullmatch(value):
        return value
    return value if _NAME.fullmatch(value) and not _LONG_NUMBER.search(value) else LEFT_OUT


def _handler(file: Path | None) -> logging.Handler:
    if file is None:
        # A copy of standard error: `bojagi run` holds back what libraries write there.
        standard_error = sys.__stderr__.fileno() if sys.__stderr__ is not None else 2
        return logging.StreamHandler(os.fdopen(os.dup(standard_error), "w", buffering=1, encoding="utf-8"))
    path = file.expanduser().absolute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Opened anew when logrotate has moved it.
        return WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"log.file {path} cannot be written: {error.strerror}. Check its folder.") from error


def _short(path: str) -> str:
    """Return a file's path below this program or its packages, so that no entry names folders of the machine."""
    found = Path(path)
    if found.is_relative_to(_SOURCE):
        return found.relative_to(_SOURCE).as_posix().rpartition("site-packages/")[2]
    return "/".join(found.parts[-2:])
