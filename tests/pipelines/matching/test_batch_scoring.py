"""Scores of few pairs are equal to Splink's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipelines.evaluation.dataset import load_febrl
from pipelines.matching.batch import resolve_batch
from pipelines.matching.batch_scoring import score_few_pairs
from pipelines.matching.resolution import Options, open_workspace, resolve
from pipelines.matching.scoring import ScoredPairs, score

DATA = load_febrl("febrl1")


@pytest.fixture(scope="module")
def resolved():
    with open_workspace(Options()) as workspace:
        answer = resolve(workspace, DATA.frame.drop(columns=["person"]), DATA.mapping)
        assert answer.model is not None
        yield workspace, answer.model, score(workspace, answer.model)


def differs(found: ScoredPairs, wanted: ScoredPairs) -> float:
    """Return the largest difference in weight; check that the pairs are equal."""
    assert (found.left == wanted.left).all()
    assert (found.right == wanted.right).all()
    return float(np.abs(found.weight - wanted.weight).max())


def test_weights_of_few_pairs_equal_those_of_splink(resolved) -> None:
    workspace, model, by_splink = resolved
    assert len(by_splink) >= 500, "FEBRL 1 has 500 true pairs"
    assert len(np.unique(by_splink.weight)) > 50
    assert differs(score_few_pairs(workspace, model), by_splink) < 1e-9


def test_other_m_probabilities_give_other_weights(resolved) -> None:
    """Negative control of the test above: it notices an m probability that is 2 % smaller."""
    workspace, model, by_splink = resolved
    first, *others = model.match_shares
    bent = replace(model, match_shares=((first[0] * 0.98, *first[1:]), *others))
    assert differs(score_few_pairs(workspace, bent), by_splink) > 1e-3


def test_term_frequencies_are_counted_in_the_given_table(resolved) -> None:
    workspace, model, by_splink = resolved
    terms = list(dict.fromkeys(lv.term for c in model.comparisons for lv in c.levels if lv.term))
    marks = ", ".join(f"md5({term}) as {term}" for term in terms)
    workspace.execute(f"create or replace table mark as select rid, {marks} from person")
    assert differs(score_few_pairs(workspace, model, frequency_table="mark"), by_splink) < 1e-9
    # Negative control: frequencies of a table in which all records share one value give other weights.
    same = ", ".join(f"case when {term} is not null then 'x' end as {term}" for term in terms)
    workspace.execute(f"create or replace table mark as select rid, {same} from person")
    assert differs(score_few_pairs(workspace, model, frequency_table="mark"), by_splink) > 1


def test_a_batch_without_similar_records_has_no_pairs() -> None:
    records = DATA.frame.drop(columns=["person"]).iloc[:300]
    stranger = records.iloc[-1:].assign(**dict.fromkeys(records.columns)).assign(given_name="zzyzx")
    with open_workspace(Options()) as workspace:
        old = resolve(workspace, records.iloc[:-1], DATA.mapping)
        assert old.model is not None
        found = resolve_batch(workspace, stranger, DATA.mapping, old.model, old.group, old.pairs)
    assert found.group[-1] == len(records) - 1
    assert len(found.pairs) == len(old.pairs)
