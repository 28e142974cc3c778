"""Declares a derived table: its name, its inputs and the function that builds it."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession

from installation.settings import DEFAULT_TIME_ZONE
from privacy.consent.errors import ConsentError

if TYPE_CHECKING:
    from installation.contract.document import Contracts
    from pipelines.register.matching_session import MatchingSession
    from privacy.consent.view import ConsentView

Tables = Mapping[str, DataFrame]
"""Inputs by name, such as `bronze/cj_transactions`; sources are in their standard form (see `source.py`)."""

PREVIOUS = "previous"
"""Name of the input with the table's own former rows, for a table with `remembers`."""


@dataclass(frozen=True)
class BuildContext:
    """The contracts, the reference date and the services that a build uses besides its inputs."""

    contracts: Contracts
    as_of: date
    """Reference date of the run: ages, recencies and time windows end on it."""
    id_factory: Callable[[], str]
    """Returns a new customer id at each call, see `pipelines.register.customer_id`."""
    spark: SparkSession
    consent: ConsentView | None = None
    """The consent view of this run. If it is None, no table about customers is built."""

    matching: MatchingSession | None = None
    """Inputs of the matching of register entries. If it is None, customers are found by exact keys alone."""

    time_zone: str = DEFAULT_TIME_ZONE
    """Zone of the shop's wall time, in which silver and gold hold times."""
    fed: Container[str] | None = None
    """The tables that have input. A build reads the others as empty tables. If it is None, all have."""

    @property
    def agreed(self) -> ConsentView:
        """The consent view of this run.

        Raises:
            ConsentError: the build has none.
        """
        if self.consent is None:
            raise ConsentError(
                "Tables about customers need the consent record, and this build has none; pass a ConsentView."
            )
        return self.consent


Build = Callable[[Tables, BuildContext], DataFrame]


@dataclass(frozen=True)
class DerivedTable:
    """Declaration of a silver or gold table.

    `inputs` are the fixed inputs. Some tables read every source of a kind, such as all sources with touchpoints. They
    have a function `reads`, which lists these sources from the contracts, so a new source needs no new code.
    """

    name: str
    inputs: tuple[str, ...]
    build: Build
    reads: Callable[[Contracts], tuple[str, ...]] | None = None
    remembers: bool = False
    """Whether the build also gets the table's own former rows, as the input `previous`."""
    recalls: tuple[str, ...] = ()
    """Tables built later whose former rows the build reads; empty in the first run. Their change causes no rebuild."""
    is_kept: bool = False
    """Whether commands write the rows. The build then only creates the empty table if it is missing."""
    partition_by: tuple[str, ...] = ()
    refreshes_days: str | None = None
    """Date column by which single days of the table can be rewritten, see `touched_day.py`; None: always all rows."""
    uses_as_of: bool = True
    """Whether the rows depend on the reference date. If not, a new day does not rebuild the table."""
    fed_by: tuple[str, ...] | None = None
    """Tables of which one must have input for this table to be built, see `fed_table`; None: its inputs."""
    modules: tuple[str, ...] = ()
    """Modules with code that builds the table, beside that of `build`."""
    version: int = 1
    """Increase it to rebuild the table although no code that builds it changed."""

    def all_inputs(self, contracts: Contracts) -> tuple[str, ...]:
        """Return the fixed inputs and those that the contracts add, each once, in a stable order."""
        more = self.reads(contracts) if self.reads else ()
        return tuple(dict.fromkeys((*self.inputs, *more)))
