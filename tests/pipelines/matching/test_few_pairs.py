"""Few pairs are scored as Splink scores them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.evaluation.dataset import load_febrl
from pipelines.matching.batch import resolve_batch
from pipelines.matching.few_pairs import score_few_pairs
from pipelines.matching.resolve import Options, open_workspace, resolve
from pipelines.matching.scoring import ScoredPairs, score

DATA = load_febrl("febrl1")


@pytest.fixture(scope="module")
def resolved():
    with open_workspace(Options()) as workspace:
        answer = resolve(workspace, DATA.frame.drop(columns=["person"]), DATA.mapping)
        assert answer.model is not None
        yield workspace, answer.model, score(workspace, answer.model)


def differs(found: ScoredPairs, wanted: ScoredPairs) -> float:
    """The largest difference in weight; the pairs are the same."""
    assert (found.left == wanted.left).all()
    assert (found.right == wanted.right).all()
    return float(np.abs(found.weight - wanted.weight).max())


def test_weights_are_those_of_splink(resolved) -> None:
    workspace, model, by_splink = resolved
    assert len(by_splink) > 500
    assert len(np.unique(by_splink.weight)) > 50
    assert differs(score_few_pairs(workspace, model), by_splink) < 1e-9


def test_other_shares_give_other_weights(resolved) -> None:
    """Negative control: the comparison above sees a level that a fiftieth fewer matches have."""
    workspace, model, by_splink = resolved
    first, *others = model.match_shares
    bent = replace(model, match_shares=((first[0] * 0.98, *first[1:]), *others))
    assert differs(score_few_pairs(workspace, bent), by_splink) > 1e-3


def test_frequencies_are_counted_in_the_table_of_all_records(resolved) -> None:
    workspace, model, by_splink = resolved
    terms = list(dict.fromkeys(lv.term for c in model.comparisons for lv in c.levels if lv.term))
    marks = ", ".join(f"md5({term}) as {term}" for term in terms)
    workspace.execute(f"create or replace table mark as select rid, {marks} from person")
    assert differs(score_few_pairs(workspace, model, frequency_table="mark"), by_splink) < 1e-9
    # Negative control: values that all records of another table share tell nothing.
    same = ", ".join(f"case when {term} is not null then 'x' end as {term}" for term in terms)
    workspace.execute(f"create or replace table mark as select rid, {same} from person")
    assert differs(score_few_pairs(workspace, model, frequency_table="mark"), by_splink) > 1


def test_a_batch_that_nobody_is_like_has_no_pairs() -> None:
    records = DATA.frame.drop(columns=["person"])
    stranger = records.iloc[-1:].assign(**dict.fromkeys(records.columns)).assign(given_name="zzyzx")
    with open_workspace(Options()) as workspace:
        old = resolve(workspace, records.iloc[:-1], DATA.mapping)
        assert old.model is not None
        found = resolve_batch(workspace, stranger, DATA.mapping, old.model, old.group, old.pairs)
    assert found.group[-1] == len(records) - 1
    assert len(found.pairs) == len(old.pairs)
