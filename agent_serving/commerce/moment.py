"""Moments as texts that sort as they follow each other."""

from datetime import UTC, datetime

_FORM = "%Y-%m-%dT%H:%M:%S.%fZ"


def text_of(moment: datetime) -> str:
    """Return a moment in UTC to the microsecond."""
    return moment.astimezone(UTC).strftime(_FORM)


def moment_of(text: str) -> datetime:
    """Return the moment of a text."""
    return datetime.strptime(text, _FORM).replace(tzinfo=UTC)
