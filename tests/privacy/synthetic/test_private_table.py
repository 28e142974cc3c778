"""A fitted model of one table gives rows that look alike, keep to the domain, and meet constraints and conditions."""

from collections import Counter
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from privacy.synthetic.constraint import keep_rows, violations
from privacy.synthetic.errors import BadSpecification, UnmetConstraint
from privacy.synthetic.marginal.model import MarginalModel
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.specification import Category, Day, Implication, Order, Specification
from tests.privacy.synthetic.people import draw_people, people_specification


def sample(model: PrivateTable, rows: int, seed: int = 0, **given: object) -> pa.Table:
    return pa.concat_tables(model.sample(rows, seed, given))


def changed(model: PrivateTable, specification: Specification) -> PrivateTable:
    """Return the model with other constraints."""
    return PrivateTable(specification, model.model, model.mergings, model.fine, model.scales)


def shares(table: pa.Table, *names: str) -> Counter[tuple[object, ...]]:
    rows = zip(*(table[name].to_pylist() for name in names), strict=True)
    return Counter({key: count / table.num_rows for key, count in Counter(rows).items()})


def test_pairs_of_columns_are_as_frequent_as_in_the_table(table_model: PrivateTable) -> None:
    real, made = shares(draw_people(5000, 1), "place", "plan"), shares(sample(table_model, 20_000), "place", "plan")
    assert sum(abs(real[key] - made[key]) for key in real | made) / 2 < 0.03


def test_ages_follow_their_place(table_model: PrivateTable) -> None:
    made = sample(table_model, 20_000).to_pandas().groupby("place").age.mean()
    for number, place in enumerate(("north", "south", "east", "west")):
        assert made[place] == pytest.approx(30 + 10 * number, abs=3)


def test_the_number_of_rows_is_noisy_and_near_the_truth(table_model: PrivateTable) -> None:
    assert table_model.model.total != 5000
    assert sum(part.num_rows for part in table_model.sample(None, 0)) == pytest.approx(5000, abs=150)


def test_the_guarantee_is_that_of_the_specification(table_model: PrivateTable) -> None:
    assert table_model.guarantee.epsilon == pytest.approx(4.0, rel=1e-3)
    assert table_model.guarantee.epsilon <= 4.0
    assert "all rows of one person" in table_model.guarantee.statement


def test_the_same_seed_gives_the_same_rows_and_another_gives_others(table_model: PrivateTable) -> None:
    assert sample(table_model, 500, 7).equals(sample(table_model, 500, 7))
    assert not sample(table_model, 500, 7).equals(sample(table_model, 500, 8))


def test_identifiers_are_no_columns_of_the_rows(table_model: PrivateTable) -> None:
    assert sample(table_model, 10).column_names == ["place", "plan", "age"]
    with pytest.raises(ValueError, match="person identifies people and is never synthesized"):
        people_specification(columns={"person": Category(values=("p1",))})


def test_millions_of_rows_come_in_parts(table_model: PrivateTable) -> None:
    parts = [part.num_rows for part in table_model.sample(1_000_001, 0)]
    assert sum(parts) == 1_000_001
    assert max(parts) == 100_000


def test_values_outside_the_declared_domain_never_appear() -> None:
    people = draw_people(2000, 2)
    specification = people_specification(
        columns={"place": Category(values=("north", "south", "harbour"), other="elsewhere"),
                 "plan": Category(values=("basic",))}
    )  # fmt: skip
    made = sample(PrivateTable.fit(people, specification), 5000)
    assert set(made["place"].to_pylist()) <= {"north", "south", "harbour", "elsewhere"}
    # Rows with another plan are left out, since the domain has no place for them.
    assert set(made["plan"].to_pylist()) == {"basic"}
    assert PrivateTable.fit(people, specification).model.total == pytest.approx(1000, abs=120)


def test_rare_values_are_written_as_the_label_for_other_values() -> None:
    people = draw_people(3000, 3)
    rare = pa.array(["lighthouse"] * 2 + people["place"].to_pylist()[2:])
    people = people.set_column(1, "place", rare)
    values = ("north", "south", "east", "west", "lighthouse", "castle")
    merged = people_specification(epsilon=1.0, columns={"place": Category(values=values, other="elsewhere")})
    assert "lighthouse" not in sample(PrivateTable.fit(people, merged), 20_000)["place"].to_pylist()
    columns = {"place": Category(values=values), "plan": Category(values=("basic", "full"))}
    model = PrivateTable.fit(people, people_specification(epsilon=1.0, columns=columns))
    # Without such a label they share one code of the model, so nothing is learned about each.
    assert model.model.sizes["place"] == 5
    assert set(sample(model, 100_000)["place"].to_pylist()) >= {"north", "south", "east", "west"}


def test_conditions_hold_exactly_and_keep_what_goes_with_them(table_model: PrivateTable) -> None:
    made = sample(table_model, 2000, place="west", age="67")
    assert set(made["place"].to_pylist()) == {"west"}
    assert set(made["age"].to_pylist()) == {67}
    assert shares(made, "plan")[("full",)] == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"place": "harbour"}, "place has no value 'harbour'"),
        ({"age": 17}, "age cannot be 17; choose a value within its bounds"),
        ({"age": "old"}, "age cannot be 'old', expected numbers"),
        ({"height": 180}, "which the model lacks; it has"),
    ],
)
def test_conditions_outside_the_domain_are_refused(
    table_model: PrivateTable, given: dict[str, object], reason: str
) -> None:
    with pytest.raises(BadSpecification, match=reason):
        sample(table_model, 10, 0, **given)


def test_every_row_meets_the_constraints(table_model: PrivateTable) -> None:
    rule = Implication(when={"place": "north"}, then={"plan": ("basic",)})
    specification = people_specification(constraints=[rule])
    assert violations(sample(table_model, 5000), specification)[str(rule)] > 100
    made = sample(changed(table_model, specification), 5000)
    assert made.num_rows == 5000
    assert violations(made, specification) == {"if place = north then plan in ['basic']": 0}


def test_constraints_that_no_row_meets_are_refused(table_model: PrivateTable) -> None:
    rules = [Implication(when={"place": place}, then={"plan": ("basic",)}) for place in ("north", "south")]
    specification = people_specification(constraints=rules)
    broken = changed(table_model, specification)
    with pytest.raises(UnmetConstraint, match="rows are missing"):
        sample(broken, 10, place="north", plan="full")


def test_an_order_of_two_columns_ignores_nulls() -> None:
    day = Day(first=date(2026, 1, 1), last=date(2026, 12, 31), nullable=True)
    specification = Specification(columns={"from": day, "to": day}, constraints=(Order(low="from", high="to"),))
    days = pc.cast(pa.array(["2026-03-01", "2026-05-01", None]), pa.date32())
    table = pa.table({"from": days, "to": days.take(pa.array([1, 0, 2]))})
    assert keep_rows(table, specification).num_rows == 2


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [
        (Order(low="age", high="place"), "have no common order"),
        (Order(low="age", high="height"), "which are not among the columns"),
        (Implication(when={"age": 30}, then={"plan": ("basic",)}), "age is a number; `when`"),
        (Implication(when={"plan": "premium"}, then={"place": ("north",)}), "plan does not list"),
    ],
)
def test_constraints_that_do_not_fit_the_columns_are_refused(constraint: Order | Implication, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        people_specification(constraints=[constraint])


def test_sampling_agrees_with_the_probabilities_of_a_small_model() -> None:
    random = np.random.default_rng(5)
    tables = [random.random((3, 4)), random.random((4, 2)), random.random((2, 3, 2))]
    cliques = (("a", "b"), ("b", "c"), ("c", "d", "e"))
    model = MarginalModel({"a": 3, "b": 4, "c": 2, "d": 3, "e": 2}, cliques, (-1, 0, 1), tuple(map(np.log, tables)), 1)
    joint = np.einsum("ab,bc,cde->abcde", *tables)
    given = {"d": 1}
    joint[:, :, :, [0, 2]] = 0
    codes = model.sample(200_000, random, given)
    found = np.zeros(joint.shape)
    np.add.at(found, tuple(codes[name] for name in "abcde"), 1 / 200_000)
    assert np.abs(found - joint / joint.sum()).sum() / 2 < 0.02
