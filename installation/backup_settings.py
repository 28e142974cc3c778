"""Settings of one backup, which erasures look at."""

import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class BackupSettings(BaseModel):
    """A copy of the data: its name, its folder if it can be read, and the day on which it is deleted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    path: Path | None = None
    expires_on: datetime.date
