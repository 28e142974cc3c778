"""Says whether the compiled code is on disk already."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from privacy.anonymity.kernel.neighbour import nearest_in_groups


def is_compiled() -> bool:
    """Returns whether an earlier search on this machine compiled the present sources."""
    folder = Path(cast(Any, nearest_in_groups)._cache.cache_path)
    return any(folder.glob("*.nbi"))
