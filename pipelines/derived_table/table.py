"""Declares a derived table: its name, its inputs and the function that builds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession

from privacy.consent.errors import ConsentError

if TYPE_CHECKING:
    from installation.contract.document import Contracts
    from pipelines.register.matching_session import MatchingSession
    from privacy.consent.view import ConsentView

Tables = Mapping[str, DataFrame]
"""Inputs by name, such as `bronze/cj_transactions`; sources are in their standard form (see `source.py`)."""

PREVIOUS = "previous"
"""Name under which a table with memory finds its own former rows among its inputs."""


@dataclass(frozen=True)
class BuildContext:
    """The contracts, the reference date and the services that a build uses besides its inputs."""

    contracts: Contracts
    as_of: date
    """Last day that counts; ages, recencies and windows end on it."""
    id_factory: Callable[[], str]
    """Gives new customer identifiers, see `pipelines.register.customer_id`."""
    spark: SparkSession
    consent: ConsentView | None = None
    """The consent record as this run sees it. Without it no table about customers is built."""

    matching: MatchingSession | None = None
    """Matches the people of the registers; None resolves by exact keys alone."""

    @property
    def agreed(self) -> ConsentView:
        """The consent record as this run sees it.

        Raises:
            ConsentError: the build has none, so no table may rest on it.
        """
        if self.consent is None:
            raise ConsentError("This needs the consent record, and the build has none.")
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
    """Later tables whose former rows the build reads; empty in the first run. Their change alone rebuilds nothing."""
    is_kept: bool = False
    """The rows come from commands. The build creates the table empty when it is missing and never changes it."""
    partition_by: tuple[str, ...] = ()
    refreshes_days: str | None = None
    """Date column by which the table can be rebuilt for some days only, see `touched_day.py`."""
    uses_as_of: bool = True
    """False where the reference date changes nothing, so that a new day does not rebuild the table."""
    version: int = 1
    """Raise it to rebuild the table though no code that builds it changed."""

    def all_inputs(self, contracts: Contracts) -> tuple[str, ...]:
        """Return the fixed inputs and those that the contracts add, each once, in a stable order."""
        more = self.reads(contracts) if self.reads else ()
        return tuple(dict.fromkeys((*self.inputs, *more)))
