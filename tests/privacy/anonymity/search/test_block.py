"""Blocks of a large table: each unit is in one block, each block satisfies the models, few near tuples are cut."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from privacy.anonymity import Spec
from privacy.anonymity.search.block import BLOCKS, _near_pairs, partition, violated
from privacy.anonymity.table.frequency_table import FrequencyTable, tabulate

MOST = 1000
COLUMNS = {
    "city": {"role": "quasi"},
    "job": {"role": "quasi"},
    "age": {"role": "quasi", "is_ordered": True},
    "illness": {"role": "sensitive"},
}


def spec_of(*models: dict[str, object]) -> Spec:
    rules = [{"name": "k_anonymity", "k": 4}, *models]
    return Spec.model_validate({"columns": COLUMNS, "models": rules, "block_tuples": MOST})


def table_of(rows: int = 6000, seed: int = 0, spec: Spec | None = None) -> FrequencyTable:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": random.integers(0, 30, rows).astype(str),
            "job": random.choice(["nurse", "baker", "smith"], rows, p=[0.8, 0.15, 0.05]),
            "age": random.integers(0, 900, rows),
            "illness": random.choice(["flu", "cold", "none"], rows),
        }
    )
    return tabulate(frame, spec or spec_of()).table


def owner_of(table: FrequencyTable, blocks: list[np.ndarray]) -> np.ndarray:
    owner = np.full(len(table.count), -1)
    for number, block in enumerate(blocks):
        assert (owner[block] == -1).all()
        owner[block] = number
    return owner


def test_a_table_that_fits_is_one_block() -> None:
    table = table_of(rows=500)
    assert [block.tolist() for block in partition(table, spec_of())] == [list(range(len(table.count)))]


@pytest.mark.parametrize("models", [(), ({"name": "distinct_l", "l": 3, "column": "illness"},)])
def test_every_unit_is_in_one_block_and_every_block_satisfies_the_models(models: tuple[dict[str, object], ...]) -> None:
    spec = spec_of(*models)
    table = table_of(spec=spec)
    blocks = partition(table, spec)
    assert (owner_of(table, blocks) >= 0).all()
    assert all((np.diff(block) > 0).all() for block in blocks)
    tuples = [len(np.unique(table.codes[block], axis=0)) for block in blocks]
    assert max(tuples) <= MOST / BLOCKS
    assert sum(tuples) == len(table.unit_start) - 1, "units of one tuple stay together"
    assert not any(violated(table, spec, block) for block in blocks)


def test_a_table_is_not_divided_where_no_half_satisfies_the_models() -> None:
    spec = spec_of({"name": "t_closeness", "t": 0.0, "column": "illness"})
    table = table_of(spec=spec)
    assert len(partition(table, spec)) == 1


def test_threads_do_not_change_the_blocks() -> None:
    table = table_of()
    one, many = partition(table, spec_of(), 1), partition(table, spec_of(), 5)
    assert [block.tolist() for block in one] == [block.tolist() for block in many]


def test_cuts_separate_fewer_near_pairs_than_equal_cuts_of_one_column() -> None:
    table = table_of()
    blocks = partition(table, spec_of())
    pairs = _near_pairs(table, 1)
    first = table.unit_start[pairs]

    def parted(owner: np.ndarray) -> float:
        return float((owner[first[:, 0]] != owner[first[:, 1]]).mean())

    blind = np.argsort(np.argsort(table.codes[:, 2], kind="stable")) * len(blocks) // len(table.count)
    assert parted(owner_of(table, blocks)) < 0.5 * parted(blind)
