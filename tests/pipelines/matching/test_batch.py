"""A batch gives the groups of a full run."""

import numpy as np

from pipelines.evaluation.dataset import load_febrl
from pipelines.matching.batch import resolve_batch
from pipelines.matching.cluster import Constraints
from pipelines.matching.resolution import Options, open_workspace, resolve

DATA = load_febrl("febrl1")
RECORDS = DATA.frame.drop(columns=["person"])


def _together(group):
    return np.unique(group, return_inverse=True)[1]


def test_a_batch_gives_the_groups_of_a_full_run_and_reaches_few_records():
    head, tail = RECORDS.iloc[:980], RECORDS.iloc[980:]
    with open_workspace(Options()) as workspace:
        whole = resolve(workspace, RECORDS, DATA.mapping)
    with open_workspace(Options()) as workspace:
        old = resolve(workspace, head, DATA.mapping)
        answer = resolve_batch(workspace, tail, DATA.mapping, old.model, old.group, old.pairs)
    assert (answer.group == whole.group).mean() >= 0.999
    assert answer.reached <= 40
    assert len(_together(answer.group)) == 1000


def test_a_cannot_link_separates_records_in_a_batch():
    head, tail = RECORDS.iloc[:999], RECORDS.iloc[999:]
    with open_workspace(Options()) as workspace:
        old = resolve(workspace, head, DATA.mapping)
        free = resolve_batch(workspace, tail, DATA.mapping, old.model, old.group, old.pairs)
        partner = int(np.flatnonzero(free.group[:999] == free.group[999])[0])
        workspace.execute("delete from person where rid = 999")
        cannot = Constraints(cannot_link=np.array([[partner, 999]], dtype=np.int64))
        separated = resolve_batch(workspace, tail, DATA.mapping, old.model, old.group, old.pairs, constraints=cannot)
    assert separated.group[999] == 999
