"""Returns the current time in UTC, for logs and budgets."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current moment, in UTC."""
    return datetime.now(UTC)
