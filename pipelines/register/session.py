"""What matching needs in one run, and what it found: between the build that matches and those that tell of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.matching.resolve import Options
    from pipelines.register.person_match import Matching
    from pipelines.register.person_record import PersonRecords


@dataclass
class MatchingSession:
    """One run's matching.

    Attributes:
        people: opens the people of the registers for as long as they are matched, with the kept sketches; called once,
            and only when there is something to match.
        options: thresholds and limits; None for the defaults.
        matching: what was compared; None until the matching ran. Holds row numbers and weights, no person's data.
        sketches: sealed, of everybody as of now; None while those that are kept are still good.
    """

    people: Callable[[], AbstractContextManager[PersonRecords]]
    options: Options | None = None
    matching: Matching | None = field(default=None)
    sketches: pd.DataFrame | None = field(default=None)
