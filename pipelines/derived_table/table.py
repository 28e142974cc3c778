"""What a derived table is: its name, what it reads, and the function that builds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession

from privacy.consent.errors import ConsentError

if TYPE_CHECKING:
    from installation.contract.document import Contracts
    from pipelines.register.session import MatchingSession
    from privacy.consent.view import ConsentView

Tables = Mapping[str, DataFrame]
"""Inputs by name, such as `bronze/cj_transactions`; sources are in their standard form (see `source.py`)."""

PREVIOUS = "previous"
"""Name under which a table with memory finds its own former rows among its inputs."""


@dataclass(frozen=True)
class BuildContext:
    """What a build needs besides its inputs."""

    contracts: Contracts
    as_of: date
    """Last day that counts; ages, recencies and windows end on it."""
    id_factory: Callable[[], str]
    """Gives new customer identifiers, see `pipelines.register.opaque_id`."""
    spark: SparkSession
    consent: ConsentView | None = None
    """What people agreed to, as this run sees it. Without it no table about customers is built."""

    matching: MatchingSession | None = None
    """Matches the people of the registers; None resolves by exact keys alone."""

    @property
    def agreed(self) -> ConsentView:
        """What people agreed to.

        Raises:
            ConsentError: nobody said where that stands, so that nothing may rest on it.
        """
        if self.consent is None:
            raise ConsentError("This needs the consent record, and the build was given none.")
        return self.consent


Build = Callable[[Tables, BuildContext], DataFrame]


@dataclass(frozen=True)
class DerivedTable:
    """A silver or gold table.

    `inputs` are the fixed ones; a table that reads every source of a kind (all with tokens, all with touchpoints) names
    a function in `reads` that lists them from the contracts, so that a new contract is read without code.
    """

    name: str
    inputs: tuple[str, ...]
    build: Build
    reads: Callable[[Contracts], tuple[str, ...]] | None = None
    remembers: bool = False
    """The build also gets its own former rows, as input `previous`."""
    recalls: tuple[str, ...] = ()
    """Later tables whose former rows the build looks up, none at first; their change alone builds nothing again."""
    is_kept: bool = False
    """Rows come from commands, not from the build: the table is made empty when it is missing, then left alone."""
    partition_by: tuple[str, ...] = ()
    refreshes_days: str | None = None
    """Date column by which the table can be rebuilt for some days only, see `touched_day.py`."""
    uses_as_of: bool = True
    """False where the day of the run changes nothing, so that a new day does not build the table again."""
    version: int = 1
    """Raise it when the build's meaning changes, so that the table is built again."""

    def all_inputs(self, contracts: Contracts) -> tuple[str, ...]:
        """Return the fixed inputs and those that the contracts add, each once, in a stable order."""
        more = self.reads(contracts) if self.reads else ()
        return tuple(dict.fromkeys((*self.inputs, *more)))
