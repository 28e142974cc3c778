"""Reads the name of a time zone as contracts and settings write it."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(r"([+-])(0\d|1[0-4]):?([0-5]\d)")


def read_zone(name: str) -> tzinfo:
    """Return the zone of an IANA name (`Asia/Seoul`, `UTC`), or of an offset such as `+09:00`.

    Raises:
        ValueError: the text is neither.

    """
    match = _OFFSET.fullmatch(name)
    if match is not None:
        offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-offset if match[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("neither an IANA time zone nor an offset") from error


def is_zone(name: Any) -> bool:
    """Return whether a value of a contract names a time zone."""
    if not isinstance(name, str):
        return False
    try:
        read_zone(name)
    except ValueError:
        return False
    return True
