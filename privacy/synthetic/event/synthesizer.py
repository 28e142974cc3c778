"""What every synthesizer of people and their events offers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self

import pyarrow as pa

from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.synthesizer import Guarantee, Progress, no_progress


class HistorySynthesizer(Protocol):
    """A fitted model of people and their events."""

    @property
    def kind(self) -> str:
        """Name of the kind of model."""
        ...

    @property
    def specification(self) -> EventSpecification:
        """The specification that it was fitted with."""
        ...

    @property
    def guarantee(self) -> Guarantee:
        """The guarantee, from the noise that was recorded."""
        ...

    @classmethod
    def fit(
        cls, people: pa.Table, events: pa.Table, specification: EventSpecification, progress: Progress = no_progress
    ) -> Self:
        """Return the model of the people and of their events."""
        ...

    def sample(
        self, people: int | None, seed: int, given: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield pairs of tables: people with new ids, and their events, the same for the same seed."""
        ...
