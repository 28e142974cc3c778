"""SDV's synthesizers of people and their events: HMA (two tables) and PAR (sequences)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import pyarrow as pa
import pyarrow.compute as pc

from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.sdv.translation import column_metadata, no_guarantee, sdv_imported, to_frame, to_table
from privacy.synthetic.specification import Category, ColumnSpec, Moment
from privacy.synthetic.synthesizer import Guarantee, Progress, no_progress

if TYPE_CHECKING:
    import pandas as pd

HistoryMethod = Literal["hma", "par"]
HISTORY_METHODS: tuple[HistoryMethod, ...] = get_args(HistoryMethod)
_PEOPLE, _EVENTS = "people", "events"


@dataclass(frozen=True)
class SdvHistory:
    """A fitted synthesizer of SDV for people and their events. It states no guarantee. See `HistorySynthesizer`."""

    specification: EventSpecification
    method: HistoryMethod
    fitted: Any
    people: int

    @classmethod
    def fit(
        cls, people: pa.Table, events: pa.Table, specification: EventSpecification, progress: Progress = no_progress,
        *, method: HistoryMethod = "hma", options: Mapping[str, Any] | None = None,
    ) -> Self:  # fmt: skip
        """Return the fitted synthesizer. `options` are arguments of SDV's class, such as `epochs` of PAR.

        HMA learned for three days from a million events (SDV issue 2110), so sample the people before. Orders are not
        learned: SDV has no level between people and events.

        Guarantee: none.

        Raises:
            SyntheticError: the package `sdv` is not installed.
        """
        progress(f"fit SDV's {method}", 0.0)
        frames = _frames(people, events, specification)
        with sdv_imported():
            fitted = _fit_hma(frames, specification, options or {}) if method == "hma" else _fit_par(
                frames, specification, options or {})  # fmt: skip
        return cls(specification, method, fitted, people.num_rows)

    @property
    def kind(self) -> str:
        """Name of the kind of model."""
        return f"sdv:{self.method}"

    @property
    def guarantee(self) -> Guarantee:
        """The statement that there is none."""
        return no_guarantee(self.method, self.specification.unit)

    def sample(
        self, people: int | None, seed: int, given: Mapping[str, Any] | None = None
    ) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Yield one pair of tables. SDV has no seed here: HMA gives the same rows for every seed, PAR others each time.

        Raises:
            BadSpecification: `given` is not empty, since SDV cannot draw people with given values here.
        """
        if given:
            raise BadSpecification(f"SDV's {self.method} draws no people with given values; leave the conditions out")
        count = self.people if people is None else people
        with sdv_imported():
            if self.method == "hma":
                self.fitted.reset_sampling()
                drawn = self.fitted.sample(count, _PEOPLE)
                people_frame, events_frame = drawn[_PEOPLE], drawn[_EVENTS]
            else:
                events_frame = self.fitted.sample_sequences(count)[_EVENTS]
                people_frame = events_frame.drop_duplicates(self.specification.unit)
        yield self._tables(people_frame, events_frame)

    def _tables(self, people: pd.DataFrame, events: pd.DataFrame) -> tuple[pa.Table, pa.Table]:
        spec = self.specification
        ids = {old: f"synthetic_{number:08d}" for number, old in enumerate(people[spec.unit])}
        made = [to_table(people, spec.people) if spec.people else None, to_table(events, _event_columns(spec))]
        first = pa.array([ids[old] for old in people[spec.unit]])
        second = pa.array([ids[old] for old in events[spec.unit]])
        table = pa.table({spec.unit: first}) if made[0] is None else made[0].add_column(0, spec.unit, first)
        return table, made[1].add_column(0, spec.unit, second)


def _event_columns(specification: EventSpecification) -> dict[str, ColumnSpec]:
    from datetime import datetime, time

    spec = specification
    first, last = datetime.combine(spec.first, time.min), datetime.combine(spec.last, time.max.replace(microsecond=0))
    return {
        spec.time: Moment(first=first, last=last), spec.item: Category(values=spec.items[:1], other="other"),
        **spec.numbers, **spec.order_columns,
    }  # fmt: skip


def _frames(people: pa.Table, events: pa.Table, specification: EventSpecification) -> dict[str, pd.DataFrame]:
    """Return both tables with numbers of persons in place of their identifiers, which are never learned."""
    unit = specification.unit
    codes = people[unit].combine_chunks()
    person = pc.index_in(events[unit].combine_chunks().cast(codes.type), codes)
    events = events.filter(person.is_valid())
    frames = {_PEOPLE: pa.table({}).to_pandas() if not specification.people else to_frame(people, specification.people),
              _EVENTS: to_frame(events, _event_columns(specification))}  # fmt: skip
    frames[_PEOPLE].insert(0, unit, range(people.num_rows))
    frames[_EVENTS].insert(0, unit, person.drop_null().to_numpy())
    return frames


def _fit_hma(frames: Mapping[str, pd.DataFrame], spec: EventSpecification, options: Mapping[str, Any]) -> Any:
    from sdv.metadata import Metadata
    from sdv.multi_table import HMASynthesizer

    key = {spec.unit: {"sdtype": "id"}}
    metadata = Metadata.load_from_dict({
        "tables": {
            _PEOPLE: {"primary_key": spec.unit, "columns": key | column_metadata(spec.people)},
            _EVENTS: {"columns": key | column_metadata(_event_columns(spec))},
        },
        "relationships": [{"parent_table_name": _PEOPLE, "parent_primary_key": spec.unit,
                           "child_table_name": _EVENTS, "child_foreign_key": spec.unit}],
    })  # fmt: skip
    fitted = HMASynthesizer(metadata, verbose=False, **options)
    fitted.fit(dict(frames))
    return fitted


def _fit_par(frames: Mapping[str, pd.DataFrame], spec: EventSpecification, options: Mapping[str, Any]) -> Any:
    from sdv.metadata import Metadata
    from sdv.sequential import PARSynthesizer

    rows = frames[_EVENTS].merge(frames[_PEOPLE], on=spec.unit).sort_values([spec.unit, spec.time])
    columns = column_metadata(spec.people) | column_metadata(_event_columns(spec))
    metadata = Metadata.load_from_dict({"tables": {_EVENTS: {
        "columns": {spec.unit: {"sdtype": "id"}, **columns},
        "sequence_key": spec.unit, "sequence_index": spec.time,
    }}})  # fmt: skip
    fitted = PARSynthesizer(metadata, context_columns=list(spec.people), **options)
    fitted.fit({_EVENTS: rows})
    return fitted
