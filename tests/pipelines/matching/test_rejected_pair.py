"""A third record that matches two people does not join them if they were compared and rejected."""

import numpy as np
import pandas as pd
import pytest

from pipelines.matching.cluster import cluster
from pipelines.matching.rejected_pair import REJECTED_WEIGHT, with_rejected_pairs
from pipelines.matching.resolution import Options, open_workspace
from pipelines.matching.scoring import ScoredPairs


def pairs_of(weights: dict[tuple[int, int], float]) -> ScoredPairs:
    ends = np.array(list(weights), dtype=np.int64).reshape(-1, 2)
    return ScoredPairs(ends[:, 0], ends[:, 1], np.array(list(weights.values())))


def groups_of(pairs: ScoredPairs, size: int) -> list[int]:
    return cluster(size, pairs.left, pairs.right, pairs.weight).tolist()


@pytest.fixture
def workspace():
    with open_workspace(Options()) as opened:
        yield opened


def observe(workspace, *pairs: tuple[int, int]) -> None:
    workspace.register("met", pd.DataFrame(pairs, columns=["a", "b"]))
    workspace.execute("create table observed as select * from met")


def test_a_card_without_a_name_does_not_join_a_couple(workspace) -> None:
    couple = pairs_of({(0, 2): 2.4, (1, 2): 2.4})
    # Negative control: without the rejected pair the couple becomes one person.
    assert groups_of(couple, 3) == [0, 0, 0]
    observe(workspace, (0, 1), (0, 2), (1, 2))
    found = with_rejected_pairs(workspace, couple, 3, threshold=0.0)
    assert found.weight.tolist() == [REJECTED_WEIGHT, 2.4, 2.4]
    assert groups_of(found, 3) == [0, 1, 0]


def test_a_record_that_matches_most_of_its_group_stays_in_it(workspace) -> None:
    observe(workspace, *((a, b) for a in range(4) for b in range(a + 1, 4)))
    alike = pairs_of({(0, 1): 9.0, (0, 2): 9.0, (1, 2): 9.0, (1, 3): 9.0, (2, 3): 9.0})
    assert groups_of(with_rejected_pairs(workspace, alike, 4, threshold=0.0), 4) == [0, 0, 0, 0]


def test_only_rejected_pairs_that_links_connect_are_added(workspace) -> None:
    observe(workspace, (0, 1), (0, 3), (3, 4), (2, 4))
    two = pairs_of({(0, 1): 5.0, (3, 4): -1.0})
    assert with_rejected_pairs(workspace, two, 5, threshold=0.0) is two
    older = pairs_of({(1, 3): 5.0})
    assert with_rejected_pairs(workspace, two, 5, threshold=0.0, linked=older).left.tolist() == [0, 0, 3]
