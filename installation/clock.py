"""The clock of a run."""

from datetime import datetime


def wall_clock() -> datetime:
    """Return the time now, with its zone."""
    return datetime.now().astimezone()
