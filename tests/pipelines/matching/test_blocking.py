"""Blocking proposes the pairs that share a key, and limits their number."""

import random

import pandas as pd
import pytest

from pipelines.matching import blocking
from pipelines.matching.blocking import MAX_BLOCK, BlockingRule, block
from pipelines.matching.resolution import Options, open_workspace

RULES = (BlockingRule("k", ("k",)), BlockingRule("p", ("p",)))


def _workspace(connection, keys, phones):
    frame = pd.DataFrame({"rid": range(len(keys)), "source": "", "k": keys, "p": phones})
    connection.register("frame", frame)
    connection.execute("create table person as select * from frame")
    return connection


def _pairs(connection):
    return {tuple(row) for row in connection.execute("select a, b from candidate").fetchall()}


def test_pairs_share_a_key_and_occur_once():
    with open_workspace(Options()) as connection:
        report = block(_workspace(connection, ["x", "x", "y", None], ["1", "1", "1", None]), RULES)
        assert _pairs(connection) == {(0, 1), (0, 2), (1, 2)}
        assert report.candidates == 3


def test_too_large_blocks_are_dropped_and_counted():
    size = MAX_BLOCK + 1
    with open_workspace(Options()) as connection:
        report = block(_workspace(connection, ["x"] * size, [str(n // 2) for n in range(size)]), RULES)
        assert report.candidates == size // 2
        assert (report.dropped_blocks, report.dropped_records) == ({"k": 1}, {"k": size})


def test_the_budget_drops_the_largest_blocks_first(monkeypatch):
    monkeypatch.setattr(blocking, "_FREE_PAIRS", 0)
    monkeypatch.setattr(blocking, "PAIRS_PER_RECORD", 2)
    keys = [f"s{n // 3}" for n in range(30)] + ["large"] * 30
    with open_workspace(Options()) as connection:
        report = block(_workspace(connection, keys, [None] * 60), RULES)
        assert report.candidates == 30  # ten blocks of three; the large one has 435 pairs
        assert report.largest == 3
        assert report.dropped_records == {"k": 30}


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_proposes_all_pairs_of_a_full_run_that_have_a_new_record(seed):
    """There are two rules of one key and one rule of two keys; values are missing at random."""
    dice, since = random.Random(seed), 80
    keys, phones = ([dice.choice([None, *"abcdefghij"]) for _ in range(100)] for _ in range(2))
    rules = (*RULES, BlockingRule("k + p", ("k", "left(p, 1)"), max_block=3))
    with open_workspace(Options()) as connection:
        _workspace(connection, keys, phones)
        block(connection, rules)
        full_run = _pairs(connection)
        block(connection, rules, since=since)
        assert _pairs(connection) == {pair for pair in full_run if pair[1] >= since}
    assert len(full_run) > 500


def test_a_batch_proposes_no_pairs_of_old_records():
    with open_workspace(Options()) as connection:
        _workspace(connection, ["x", "x", "x", "y", "y"], [None] * 5)
        block(connection, RULES, since=2)
        assert _pairs(connection) == {(0, 2), (1, 2), (3, 4)}
