"""The store of experiments in a file and in PostgreSQL: versions, variants that stay, figures, erasure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.experiment.definition import read_experiment
from features.experiment.errors import UnknownExperimentError
from features.experiment.store import FILE, ExperimentStore, Outcome
from features.experiment.verdict import Answer
from privacy.consent.state import State
from tests.features.experiment.experiment_shop import ANALYST, EVERYBODY, ExperimentShop, document, figures
from tests.store_place import StorePlace

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
BASKET = read_experiment(document())


@pytest.fixture
def store(store_place: StorePlace) -> Iterator[ExperimentStore]:
    with closing(ExperimentStore(store_place.of("experiment.db"))) as opened:
        yield opened


def test_the_newest_version_of_each_experiment_is_found(store: ExperimentStore) -> None:
    other = read_experiment(document(name="other"))
    with store.changing():
        store.add(BASKET, 1, "", NOW)
        store.add(other, 1, "", NOW)
        store.add(BASKET, 2, "decided", NOW)
    assert [(one.experiment.name, one.number, one.stopped) for one in store.newest()] == [
        ("basket", 2, "decided"),
        ("other", 1, ""),
    ]
    assert [one.experiment for one in store.versions("basket")] == [BASKET, BASKET]
    with pytest.raises(UnknownExperimentError, match="there are: basket"):
        store.versions("baskte")


def test_a_variant_stays_and_a_figure_is_replaced(store: ExperimentStore, store_place: StorePlace) -> None:
    with store.changing():
        store.assign("basket", 1, [("a", "control"), ("b", "new")], NOW)
    with closing(ExperimentStore(store_place.of("experiment.db"))) as second, second.changing():
        second.assign("basket", 2, [("a", "new"), ("c", "new")], NOW + timedelta(1))
    assert store.assigned("basket", ["a", "c", "d"]) == {"a": "control", "c": "new"}
    assert [(one.variant, one.number, one.at - NOW) for one in store.assignments("basket")] == [
        ("control", 1, timedelta()),
        ("new", 1, timedelta()),
        ("new", 2, timedelta(1)),
    ]
    with store.changing():
        store.record("basket", [Outcome("a", "spend", NOW, 1.0), Outcome("a", "spend", NOW, 2.0)])
        store.record("basket", [Outcome("a", "spend", NOW + timedelta(1), 0.5)])
    assert store.sums("basket", NOW + timedelta(1)) == [("a", "spend", 2.5, NOW + timedelta(1))]
    assert store.sums("basket", NOW) == [("a", "spend", 2.0, NOW)]


def test_an_erasure_deletes_the_rows_of_a_customer(store: ExperimentStore) -> None:
    with store.changing():
        store.assign("basket", 1, [("a", "control"), ("b", "new")], NOW)
        store.record("basket", [Outcome("a", "spend", NOW, 1.0)])
    assert store.count(["a"]) == {"experiment_assignment": 1, "experiment_outcome": 1}
    assert store.rows_of(["a"])["experiment_outcome"][0][1].startswith("spend 1")
    assert store.erase(["a"]) == 2
    assert store.count(["a", "b"]) == {"experiment_assignment": 1, "experiment_outcome": 0}


def test_the_service_works_on_a_database(postgres_place: StorePlace, tmp_path: Path) -> None:
    with closing(ExperimentShop(tmp_path)) as shop:
        shop.installation.__dict__["server"] = postgres_place.server
        with closing(shop.installation.open_consent_store()) as shop.consents:
            shop.state(EVERYBODY, State.GIVEN)
            assert shop.experiments.running() == []
            shop.experiments.create(document(), ANALYST)
            shop.outcome(figures(shop, 2.0))
            assert shop.experiments.report("basket", ANALYST).verdicts[0].answer is Answer.BETTER
            shop.experiments.stop("basket", "decided", ANALYST)
            assert shop.experiments.assign("basket", EVERYBODY[:1]) == [None]
        assert not (shop.installation.settings.data_dir / FILE).exists()
        # The server is that of the tests; it outlives the installation.
        del shop.installation.__dict__["server"]
