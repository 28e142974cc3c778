"""A fitted model of people with events keeps keys intact, and gives events that come and repeat as the real ones do."""

from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from privacy.synthetic.constraint import violations
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.event.history import lay_out
from privacy.synthetic.event.measurement import return_cell, returns, size_bounds, size_cell, visit_bin, visits_of
from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.fit import expected_scales
from tests.privacy.synthetic.people import PLACES, draw_events, draw_people, events_specification

Frames = tuple[pd.DataFrame, pd.DataFrame]


def sample(model: PrivateHistory, people: int | None, seed: int = 0, **given: object) -> Frames:
    pairs = list(model.sample(people, seed, given))
    made, events = (pa.concat_tables(tables).to_pandas() for tables in zip(*pairs, strict=True))
    return made, events


@pytest.fixture(scope="module")
def made(history_model: PrivateHistory) -> Frames:
    return sample(history_model, None)


def distance(one: pd.Series, other: pd.Series) -> float:
    shares, others = one.value_counts(normalize=True), other.value_counts(normalize=True)
    return float(shares.subtract(others, fill_value=0).abs().sum() / 2)


def test_every_event_belongs_to_a_person_and_every_order_to_one_person(
    made: Frames,
) -> None:
    people, events = made
    assert people.person.is_unique
    assert events.person.isin(people.person).all()
    assert events.groupby("visit").person.nunique().max() == 1
    assert events.groupby("visit").shop.nunique().max() == 1
    assert not set(people.person) & {f"p{number}" for number in range(2000)}


def test_parts_of_a_long_sample_share_no_person_and_no_order(
    history_model: PrivateHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("privacy.synthetic.event.private_history.CHUNK_PEOPLE", 50)
    parts = list(history_model.sample(220, 1))
    assert [people.num_rows for people, _ in parts] == [50, 50, 50, 50, 20]
    orders = [set(events["visit"].to_pylist()) for _, events in parts]
    assert len(set().union(*orders)) == sum(map(len, orders))


def test_events_are_distributed_as_in_the_table(made: Frames) -> None:
    people, events = made
    real_people, real = draw_people(2000, 1).to_pandas(), draw_events(2000, 1).to_pandas()
    assert len(events) == pytest.approx(len(real), rel=0.15)
    assert distance(events.time.dt.hour, real.time.dt.hour) < 0.05
    assert distance(events.item, real.item) < 0.06
    assert distance(events.group, real.item.str[5:].astype(int).mod(3).map("group {}".format)) < 0.06
    assert distance(people.place, real_people.place) < 0.05
    sizes, real_sizes = (table.groupby("visit").size() for table in (events, real))
    assert distance(sizes, real_sizes) < 0.15
    counts = [visit_bin(table.groupby("person").visit.nunique().reindex(ids, fill_value=0).to_numpy())
              for table, ids in ((events, people.person), (real, real_people.person))]  # fmt: skip
    assert distance(pd.Series(counts[0]), pd.Series(counts[1])) < 0.06


def test_prices_follow_the_group_of_the_item(made: Frames) -> None:
    real = draw_events(2000, 1).to_pandas()
    real_group = real.item.str[5:].astype(int).mod(3).map("group {}".format)
    for group, price in made[1].groupby("group").price.mean().items():
        assert price == pytest.approx(real.price[real_group == group].mean(), abs=1.0)


def test_times_and_items_lie_in_the_domain(made: Frames) -> None:
    specification = events_specification()
    assert made[1].time.between(datetime(2026, 1, 1), datetime(2026, 4, 1)).all()
    assert set(made[1].item) <= set(specification.items)
    assert set(made[1].shop) <= {"web", "store"}


def test_the_same_seed_gives_the_same_events(history_model: PrivateHistory) -> None:
    one, same, other = (sample(history_model, 100, seed) for seed in (1, 1, 2))
    assert one[1].equals(same[1])
    assert not one[1].equals(other[1])


def test_the_guarantee_covers_both_tables_and_every_measurement(history_model: PrivateHistory) -> None:
    assert history_model.scales.keys() == expected_scales(history_model.specification)
    assert history_model.guarantee.epsilon == pytest.approx(8.0, rel=2e-3)
    assert history_model.guarantee.epsilon <= 8.0


def test_people_meet_conditions(history_model: PrivateHistory) -> None:
    people, events = sample(history_model, 200, place="east")
    assert set(people.place) == {"east"}
    assert events.person.isin(people.person).all()
    with pytest.raises(BadSpecification, match="place has no value 'harbour'"):
        sample(history_model, 10, place="harbour")


def test_constraints_of_people_are_those_of_their_model() -> None:
    rule = {"when": {"place": "north"}, "then": {"place": PLACES[:2]}}
    specification = events_specification(constraints=[rule])
    assert list(violations(draw_people(10, 1), specification.of_people({}))) == [
        "if place = north then place in ['north', 'south']"
    ]
    with pytest.raises(ValueError, match="which are not among the columns"):
        events_specification(constraints=[{"low": "age", "high": "place"}])


def test_an_empty_table_of_events_gives_people_with_few_events() -> None:
    people, events = draw_people(300, 1), draw_events(300, 1)
    model = PrivateHistory.fit(people, events.slice(0, 0), events_specification(epsilon=8.0))
    made_people, made_events = sample(model, 300)
    assert len(made_people) == 300
    assert made_events.visit.nunique() < 300


def test_an_order_over_midnight_is_two_visits_and_hours_come_from_its_first_line() -> None:
    people = pa.table({"person": ["a"], "place": ["north"]})
    times = ["2026-01-05T23:10:00", "2026-01-05T22:05:00", "2026-01-06T00:10:00", "2026-01-05T22:30:00"]
    events = pa.table(
        {
            "person": ["a"] * 4, "visit": [1, 1, 1, 2], "time": pa.array(map(datetime.fromisoformat, times)),
            "item": ["item 1"] * 4, "price": [1.0] * 4, "shop": ["web"] * 4,
        }
    )  # fmt: skip
    _, history = lay_out(people, events, events_specification())
    assert list(history.visit_day) == [4, 4, 5]
    assert list(history.visit_hour) == [22, 22, 0]
    assert list(history.visit_size) == [2, 1, 1]


def test_cells_of_counts_agree_with_their_bounds() -> None:
    low, high = size_bounds()
    for cell in range(len(low) - 1):
        assert set(size_cell(np.arange(low[cell], high[cell] + 1))) == {cell}
    every = np.arange(1, 1024)
    drawn = visits_of(visit_bin(every), np.random.default_rng(0))
    assert (visit_bin(drawn) == visit_bin(every)).all()


def test_days_between_purchases_agree_with_a_loop() -> None:
    random = np.random.default_rng(0)
    person, item, day = random.integers(0, 5, 400), random.integers(0, 4, 400), random.integers(0, 60, 400)
    last: dict[tuple[int, int], int] = {}
    expected = []
    for who, what, when in sorted(set(zip(person, item, day, strict=True))):
        if (who, what) in last:
            expected.append((who, when - last[who, what]))
        last[who, what] = when
    assert list(zip(*returns(person, item, day), strict=True)) == expected
    assert return_cell(np.array([1, 42, 43, 400])).tolist() == [1, 42, 43, 63]
