"""A report states every figure beside its references, as JSON and as a page that needs nothing else."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest

from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.evaluation.evaluate import evaluate_table
from privacy.synthetic.evaluation.evaluate_history import HistoryGenerator, evaluate_history
from privacy.synthetic.evaluation.history_form import Histories, HistoryForm, shuffled
from privacy.synthetic.evaluation.history_score import integrity, sequence_distances
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.page import KEEP_INSIDE, render_page
from privacy.synthetic.evaluation.report import HOLDOUT, INDEPENDENT, TRAIN, Disclosure, Report
from privacy.synthetic.gate.judgement import judge_rows
from privacy.synthetic.specification import Category, Day, Moment, Number, Specification
from privacy.synthetic.synthesizer import Guarantee
from tests.privacy.synthetic.people import draw_events, draw_people, events_specification
from tests.privacy.synthetic.population import SPECIFICATION, draw

SPEC = events_specification()


@pytest.fixture(scope="module")
def table_report() -> Report:
    def refit(rows: pa.Table, seed: int) -> pa.Table:
        return draw(rows.num_rows, 50 + seed)

    options = Options(
        attacks=300, sampler=lambda rows, seed: draw(rows, 90 + seed), samples=2, refit=refit, shadow_models=2
    )
    guarantee = Guarantee.from_noise({"one": 4.0}, 1e-6, None)
    found = evaluate_table(draw(1500, 1), draw(500, 2), draw(1500, 3), SPECIFICATION, options, guarantee, "Trial <1>")
    return found.with_gate(judge_rows(found))


def histories(people: int, seed: int, prefix: str) -> Histories:
    tables = draw_people(people, seed), draw_events(people, seed)
    renamed = [
        table.set_column(
            table.schema.get_field_index("person"),
            "person",
            pa.array([prefix + one for one in table["person"].to_pylist()]),
        )
        for table in tables
    ]
    events = renamed[1].set_column(1, "visit", pa.array(renamed[1]["visit"].to_numpy() + 10**6 * seed))
    return Histories(renamed[0], events)  # fmt: skip


@pytest.fixture(scope="module")
def history_report() -> Report:
    train, holdout, made = (
        histories(people, seed, name) for people, seed, name in ((500, 1, "a"), (200, 2, "b"), (500, 3, "c"))
    )

    def refit(some: Histories, seed: int) -> Histories:
        return histories(some.people.num_rows, 60 + seed, "d")

    generator = HistoryGenerator(lambda people, seed: histories(people, 80 + seed, "e"), refit)
    return evaluate_history(train, holdout, made, SPEC, Options(attacks=200, shadow_models=2), generator)


def test_every_score_and_attack_has_its_references(table_report: Report) -> None:
    scores = {score.name: score for score in table_report.scores}
    assert scores.keys() == {"2-marginals", "3-marginals", "association", "pMSE", "downstream", "quality", "diagnostic"}
    for name in ("3-marginals", "association", "pMSE", "downstream"):
        position = scores[name].position
        assert position is not None
        assert 0.5 < position < 1.5
    for attack in table_report.disclosure.attacks:
        assert attack.references.keys() == {HOLDOUT, INDEPENDENT, TRAIN}
        assert attack.references[TRAIN].value > 0.1
        assert attack.references[INDEPENDENT].low <= 0.02
    assert table_report.gate is not None
    assert table_report.gate.is_open


def test_the_json_is_strict_and_says_that_it_is_not_private(table_report: Report) -> None:
    content = json.loads(json.dumps(table_report.to_json(), allow_nan=False))
    assert content["is_private"] is False
    assert content["gate"]["is_open"] is True
    assert content["disclosure"]["shadow"]["shadow_models"] == 2
    assert content["disclosure"]["canaries"]["guesses"] == 100
    assert content["scores"][0]["position"] is not None


class Tags(HTMLParser):
    """Collects open tags and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.charts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.charts += tag == "svg"
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Ignore elements that close themselves."""

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("kind", ["table_report", "history_report"])
def test_the_page_is_well_formed_and_refers_to_nothing(kind: str, request: pytest.FixtureRequest) -> None:
    report: Report = request.getfixturevalue(kind)
    page, tags = render_page(report), Tags()
    tags.feed(page)
    assert not tags.open
    assert not tags.addresses
    assert tags.charts == 4
    assert KEEP_INSIDE in page
    assert "nan" not in page
    assert render_page(report) == page


def test_the_page_states_the_guarantee_in_words_or_that_there_is_none(
    table_report: Report, history_report: Report
) -> None:
    page = render_page(table_report)
    assert "Trial &lt;1&gt;" in page
    assert "with or without one row" in page
    assert "There is no formal guarantee" in render_page(history_report)


def test_sequences_of_fresh_customers_score_better_than_shuffled_columns(history_report: Report) -> None:
    scores = {score.name: score for score in history_report.scores}
    assert scores["integrity"].synthetic == 1
    assert scores["integrity"].independent is not None
    assert scores["integrity"].independent < 0.2
    for name in ("cardinality", "size"):
        position = scores[name].position
        assert position is not None
        assert position > 0.5
    assert {"weekday x hour", "group", "item", "interval", "gap", "price", "shop"} <= scores.keys()
    assert history_report.rows["synthetic"] == 500
    assert history_report.disclosure.canaries is not None
    assert history_report.disclosure.canaries.epsilon < 1


def test_planted_customers_are_found_in_the_events_of_a_generator_that_copies() -> None:
    train, holdout, made = (histories(200, seed, name) for seed, name in ((1, "a"), (2, "b"), (3, "c")))
    options = Options(attacks=50, shadow_models=0, canaries=100)

    def attacked(generator: HistoryGenerator) -> Disclosure:
        return evaluate_history(train, holdout, made, SPEC, options, generator).disclosure

    found = attacked(HistoryGenerator(refit=lambda some, seed: some))
    honest = attacked(HistoryGenerator(refit=lambda some, seed: histories(200, 100 + seed, "d")))
    assert found.canaries is not None
    assert honest.canaries is not None
    assert found.canaries.epsilon > 1
    assert honest.canaries.epsilon < 0.5
    assert found.missing["shadow models"] == "not made: 0 were asked for"


def test_an_event_of_nobody_and_an_order_of_two_people_break_integrity() -> None:
    good = histories(50, 4, "a")
    assert integrity(good, SPEC) == 1
    lost = Histories(good.people.slice(1), good.events)
    assert integrity(lost, SPEC) < 1
    visit = good.events["visit"].to_numpy().copy()
    visit[-1] = visit[0]
    shared = Histories(good.people, good.events.set_column(1, "visit", pa.array(visit)))
    assert integrity(shared, SPEC) < 1
    twice = Histories(pa.concat_tables([good.people, good.people.slice(0, 1)]), good.events)
    assert integrity(twice, SPEC) <= 1


def test_distances_of_sequences_are_zero_for_equal_histories_and_large_for_shuffled_ones() -> None:
    one = HistoryForm(histories(300, 5, "a"), SPEC)
    assert set(sequence_distances(one, one).values()) == {0.0}
    other = HistoryForm(shuffled(one.histories, SPEC, 0), SPEC)
    found = sequence_distances(one, other)
    assert found["cardinality"] > 0.2
    assert found["item"] < 0.05


def test_copied_events_of_one_customer_in_twenty_are_proven() -> None:
    train, holdout, made = (
        histories(people, seed, name) for people, seed, name in ((600, 1, "a"), (300, 2, "b"), (600, 3, "c"))
    )
    copied = train.events.filter(
        pa.array(np.isin(train.events["person"].to_pylist(), [f"ap{number}" for number in range(30)]))
    )
    names = pa.array(["c" + one[1:] for one in copied["person"].to_pylist()])
    stolen = pa.concat_tables([made.events, copied.set_column(0, "person", names)])
    options = Options(attacks=100)
    honest = evaluate_history(train, holdout, made, SPEC, options)
    assert not honest.disclosure.copies.is_proven
    found = evaluate_history(train, holdout, Histories(made.people, stolen), SPEC, options)
    assert found.disclosure.copies.is_proven


def test_a_table_that_cannot_be_compared_is_refused() -> None:
    with pytest.raises(BadSpecification, match="the holdout table has 9 rows; at least 10"):
        evaluate_table(draw(10, 1), draw(9, 1), draw(10, 2), SPECIFICATION)
    with pytest.raises(BadSpecification, match=r"the synthetic table has no columns \['job'\]"):
        evaluate_table(draw(10, 1), draw(10, 1), draw(10, 2).drop_columns(["job"]), SPECIFICATION)
    with pytest.raises(BadSpecification, match=r"there are no columns \['salary'\] to predict or infer"):
        evaluate_table(draw(10, 1), draw(10, 1), draw(10, 2), SPECIFICATION, Options(secrets=["salary"]))


def every_kind(rows: int, seed: int) -> pa.Table:
    random = np.random.default_rng(seed)
    day = random.integers(0, 700, rows)
    numbers = random.normal(0, 50, rows).round(2)
    return pa.table(
        {
            "empty": pa.nulls(rows, pa.float64()),
            "one": pa.array(["x"] * rows),
            "flag": pa.array(random.random(rows) < 0.5, mask=random.random(rows) < 0.1),
            "code": pa.array(
                [None if one > 300 else f"c{one}" for one in random.integers(0, 330, rows)]
            ).dictionary_encode(),
            "money": pa.array([Decimal(f"{number:.2f}") for number in numbers], pa.decimal128(12, 2)),
            "day": pa.array([date(2025, 1, 1) + timedelta(days=int(one)) for one in day]),
            "at": pa.array(
                [datetime(2025, 1, 1) + timedelta(seconds=int(one) * 86_399) for one in day], pa.timestamp("us")
            ),
        }
    )


KINDS = Specification(
    columns={
        "empty": Number(minimum=0, maximum=1, nullable=True),
        "one": Category(values=("x",)),
        "flag": Category(values=(True, False), nullable=True),
        "code": Category(values=tuple(f"c{one}" for one in range(200)), other="other", nullable=True),
        "money": Number(minimum=-200, maximum=200),
        "day": Day(first=date(2025, 1, 1), last=date(2026, 12, 31)),
        "at": Moment(first=datetime(2025, 1, 1), last=datetime(2026, 12, 31)),
    }
)


@pytest.mark.parametrize("rows", [10, 200])
def test_columns_of_every_kind_are_measured(rows: int) -> None:
    options = Options(attacks=50, sampler=lambda count, seed: every_kind(count, 40 + seed), samples=2)
    found = evaluate_table(every_kind(2 * rows, 1), every_kind(rows, 2), every_kind(rows, 3), KINDS, options)
    json.dumps(found.to_json(), allow_nan=False)
    assert render_page(found.with_gate(judge_rows(found)))


def test_a_table_of_one_column_is_measured() -> None:
    spec = Specification(columns={"money": KINDS.columns["money"]})
    found = evaluate_table(every_kind(40, 1), every_kind(20, 2), every_kind(40, 3), spec, Options(attacks=20))
    assert [attack.name for attack in found.disclosure.attacks] == ["singling out"]
