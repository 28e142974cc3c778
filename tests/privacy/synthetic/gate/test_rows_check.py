"""The gate refuses faulty generators over many seeds, and no honest one."""

from dataclasses import replace

import pyarrow as pa
import pytest

from bench.synthetic.fault import with_copies, with_identifier
from privacy.synthetic.evaluation.disclosure import attack_table
from privacy.synthetic.evaluation.options import Options
from privacy.synthetic.evaluation.report import Report
from privacy.synthetic.gate.judgement import judge_rows
from privacy.synthetic.verdict import Check, Gate, GateClosed
from tests.privacy.synthetic.population import SPECIFICATION, draw, form

TRAIN, HOLDOUT = draw(3000, 1), draw(3000, 2)
NAMES = list(SPECIFICATION.columns)


def report(synthetic: pa.Table, holdout: pa.Table = HOLDOUT) -> Report:
    tables = {"train": TRAIN, "holdout": holdout, "synthetic": synthetic}
    forms = {name: form(table) for name, table in tables.items()}
    found = attack_table(forms, Options(attacks=300), ["income"], tables)
    return Report("trial", {name: table.num_rows for name, table in tables.items()}, [], found, {})


def failed(synthetic: pa.Table) -> set[str]:
    return {check.name for check in judge_rows(report(synthetic)).failed}


@pytest.mark.parametrize("seed", range(3))
def test_honest_rows_pass(seed: int) -> None:
    assert failed(draw(3000, 100 + seed).select(NAMES)) == set()


@pytest.mark.parametrize("seed", range(3))
def test_copies_and_identifiers_are_refused(seed: int) -> None:
    honest = draw(3000, 100 + seed).select(NAMES)
    assert "copied rows" in failed(with_copies(honest, TRAIN, 0.02, seed))
    assert failed(with_identifier(honest, TRAIN, "member", 0.01, seed)) == {"identifier member"}


def test_training_rows_as_they_are_fail_every_attack() -> None:
    found = failed(TRAIN)
    assert found >= {"singling out", "linkability", "inference of income", "membership by distance"}
    assert found >= {"copied rows", "identifier member"}


def test_a_hold_out_that_is_too_small_to_show_anything_is_refused() -> None:
    found = report(draw(500, 3).select(NAMES), HOLDOUT.slice(0, 50))
    assert {check.name for check in judge_rows(found).failed} == {"hold-out"}
    assert judge_rows(found, least_holdout=50).is_open


def test_the_gate_is_closed_without_a_check_and_names_what_failed() -> None:
    assert not Gate(()).is_open
    with pytest.raises(GateClosed, match="No check was made"):
        Gate(()).require_open()
    gate = Gate((Check("one", True, "fine"), Check("two", False, "rho 2, debited 1")))
    with pytest.raises(GateClosed, match="two: rho 2, debited 1") as error:
        gate.require_open()
    assert "fine" not in str(error.value)
    replace(gate, checks=gate.checks[:1]).require_open()
