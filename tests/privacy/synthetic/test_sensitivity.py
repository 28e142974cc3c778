"""One person changes each measurement by at most the sensitivity that its noise is sized for."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from privacy.synthetic.coding import codings, encode
from privacy.synthetic.event import contribution
from privacy.synthetic.event.history import lay_out
from privacy.synthetic.event.measurement import measure_history
from privacy.synthetic.marginal import measurement
from privacy.synthetic.marginal.measurement import measure, plan_measurements
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.specification import Category, Specification
from privacy.synthetic.unit_bound import bounded_rows
from tests.privacy.synthetic.people import Replay, draw_events, draw_people, events_specification

PEOPLE = 40


def excess_of_table(patch: pytest.MonkeyPatch, rows_per_unit: int, bounded: int) -> float:
    """Return the excess for a person with five rows, when the rows are bounded to `bounded` a person."""
    people = draw_people(PEOPLE, 1)
    table = pa.concat_tables([people, *[people.slice(0, 1)] * 4])
    columns = codings(Specification(columns={"place": Category(values=("north", "south"), other="else"),
                                             "plan": Category(values=("basic", "full"))}))  # fmt: skip
    plan, replay = plan_measurements(columns, rows_per_unit), Replay()
    patch.setattr(measurement, "add_fine_noise", replay)
    for rows in (table, table.filter(pc.not_equal(table["person"], "p0"))):
        measure(encode(bounded_rows(rows, "person", bounded), columns), columns, plan, 1.0)
        if not replay.first:
            replay.next_run()
    return replay.excess()


def test_a_person_with_many_rows_changes_a_marginal_by_the_sensitivity(monkeypatch: pytest.MonkeyPatch) -> None:
    assert excess_of_table(monkeypatch, 2, 2) == pytest.approx(1.0)


def test_rows_beyond_the_bound_would_exceed_the_sensitivity(monkeypatch: pytest.MonkeyPatch) -> None:
    assert excess_of_table(monkeypatch, 2, 5) == pytest.approx(2.5)


def excess_of_history(patch: pytest.MonkeyPatch, removed: str) -> float:
    people, events, specification = draw_people(PEOPLE, 2), draw_events(PEOPLE, 2), events_specification()
    replay = Replay()
    patch.setattr(measurement, "add_fine_noise", replay)
    patch.setattr(contribution, "add_fine_noise", replay)
    patch.setattr("privacy.synthetic.event.measurement.add_fine_noise", replay)
    patch.setattr(PrivateTable, "from_measurements", classmethod(lambda cls, *given: cls(given[0], None, {}, {}, {})))
    patch.setattr("privacy.synthetic.event.measurement.drawn_visits", lambda *given: np.array([200]))
    for without in (None, removed):
        kept = people if without is None else people.filter(pc.not_equal(people["person"], without))
        used, history = lay_out(kept, events, specification)
        measure_history(used, history, specification, 1.0)
        if not replay.first:
            replay.next_run()
    return replay.excess()


@pytest.mark.parametrize("removed", ["p0", "p1", "p2", "p3", "p7", "p19"])
def test_a_person_with_all_events_changes_each_histogram_within_its_bound(
    monkeypatch: pytest.MonkeyPatch, removed: str
) -> None:
    assert excess_of_history(monkeypatch, removed) <= 1.0


def test_a_histogram_that_is_not_shortened_exceeds_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contribution, "shorten", lambda counts, norms, bound: counts * 1.0)
    assert max(excess_of_history(monkeypatch, f"p{number}") for number in range(8)) > 1.0


def test_events_without_a_person_or_of_unlisted_people_are_left_out() -> None:
    people = draw_people(PEOPLE, 3)
    events = draw_events(PEOPLE, 3)
    unknown = events.set_column(0, "person", pa.array([None, "stranger"] * events.num_rows).slice(0, events.num_rows))
    nameless = people.slice(0, 1).set_column(0, "person", pa.array([None], pa.string()))
    used, history = lay_out(
        pa.concat_tables([people, nameless]), pa.concat_tables([events, unknown]), events_specification()
    )
    assert used.num_rows == history.people == PEOPLE
    assert len(history.line_item) == events.num_rows


def test_orders_and_lines_beyond_the_bounds_are_left_out() -> None:
    _, history = lay_out(
        draw_people(PEOPLE, 4), draw_events(PEOPLE, 4), events_specification(most_orders=3, most_lines=2)
    )
    assert history.visits.max() == 3
    assert history.visit_size.max() == 2
    assert np.bincount(history.line_visit).max() == 2
