"""Holds the rates of people and faults that are difficult for identity resolution."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.simulate.errors import SimulationError

Share = Annotated[float, Field(ge=0, le=1)]
MOST_ROWS = 50
"""Most rows of a source and replica that get a number in scientific notation; their keys are reserved."""


class Rates(BaseModel):
    """Shares, from 0 to 1, of the people and faults that are difficult for identity resolution.

    The defaults of `twins`, `shared_contacts` and `namesakes` are above those of real life, so that a small market has
    some of each. `docs/simulator.md` lists them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    twins: Share = 0.15
    """Of households with two children, the elder ten or older: those in which the two are twins."""
    shared_contacts: Share = 0.03
    """Of couples: those with one phone and one e-mail address."""
    namesakes: Share = 0.4
    """Of English-speaking households with a man and a son of ten or older: those in which both have one name."""
    foreigners: Share = 0.25
    """Of households that are not Korean: those with Chinese, Japanese, Russian or Vietnamese names."""
    two_scripts: Share = 0.1
    """Of register entries of people who are not Korean: those with the name in Hangul or in their own script."""
    married_names: Share = 0.3
    """Of English-speaking wives with their husband's name, born after 1975: those who married in 2017."""
    two_phones: Share = 0.01
    """Of phone numbers in the registers: fields that hold a second number."""
    scientific_ids: Share = 0.001
    """Of rows of three sources: added rows with a number in scientific notation, at least one unless the rate is 0."""

    def scientific_rows(self, rows: int) -> int:
        """Return the number of rows with a number in scientific notation for a source with so many rows."""
        return min(MOST_ROWS, max(1, round(self.scientific_ids * rows))) if self.scientific_ids else 0


DEFAULT_RATES = Rates()


def read_rates(texts: Sequence[str]) -> Rates:
    """Return the default rates, changed as the texts say: `twins=0.2`.

    Raises:
        SimulationError: a text is not `name=share` with a known name and a share from 0 to 1.
    """
    try:
        return Rates.model_validate(dict(text.split("=", 1) for text in texts))
    except (ValueError, ValidationError):
        raise SimulationError(
            f"{', '.join(texts)}: expected NAME=SHARE with a share from 0 to 1 and one of the names "
            f"{', '.join(Rates.model_fields)}; see docs/simulator.md."
        ) from None
