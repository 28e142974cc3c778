"""Holds the inputs and results of the matching in one run, which several table builds of the run share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from pipelines.matching.resolution import Options
    from pipelines.register.entry_matching import Matching
    from pipelines.register.register_entry import RegisterEntries


@dataclass
class MatchingSession:
    """Inputs and results of the matching in one run.

    The build of `silver/identifier` fills in `matching` and `sketches`; the builds of `silver/identity_model` and
    `silver/identity_sketch` and the charts read them.

    Attributes:
        people: opens the entries of the registers, with the stored sketches, for the time of the matching. It is called
            at most once, and only if `silver/identifier` is built.
        options: thresholds and limits; None for the defaults.
        matching: the scored pairs; None until the matching ran. Contains row numbers and weights, no personal data.
        sketches: encrypted sketches of all people; None if the stored sketches remain valid.
    """

    people: Callable[[], AbstractContextManager[RegisterEntries]]
    options: Options | None = None
    matching: Matching | None = field(default=None)
    sketches: pd.DataFrame | None = field(default=None)
