"""Settings of the log, below `[log]`; the top of `installation/settings.py` explains them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

Level = Literal["debug", "info", "warning", "error"]


class LogSettings(BaseModel):
    """Which entries are logged, and where. Every entry is one line of JSON.

    With `format` json every command, request and run is logged; with text only `bojagi serve` logs. Without a file the
    entries go to standard error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["text", "json"] = "text"
    level: Level = "info"
    file: Path | None = None
