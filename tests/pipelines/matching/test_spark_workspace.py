"""Matching on Apache Spark gives the same results as on DuckDB."""

import numpy as np
import pytest

from pipelines.evaluation.dataset import load_febrl
from pipelines.matching.batch_scoring import score_few_pairs
from pipelines.matching.blocking import block, rules_for
from pipelines.matching.errors import UnsupportedEngineError
from pipelines.matching.mapping import Mapping
from pipelines.matching.resolution import Options, filled_columns, open_workspace, resolve
from pipelines.matching.scoring import read_scored
from pipelines.matching.spark_workspace import SparkWorkspace, open_spark_workspace

DATA = load_febrl("febrl1")
# Only some parts, because each takes Spark seconds; together they use every kind of condition.
MAPPING = Mapping(
    given_name=("given_name",), surname=("surname",), birth_date=("date_of_birth",), address=("address_1",)
)  # fmt: skip
# Two Korean couples beside the Australian records: edit distances on Hangul must agree as well.
RECORDS = DATA.frame.drop(columns=["person"]).iloc[:300].reset_index(drop=True)
RECORDS.loc[294:299, "given_name"] = ["민준", "민준", "민주", "서연", "서현", "서연"]
RECORDS.loc[294:299, "surname"] = ["김", "김", "김", "박", "박", "박"]
RECORDS.loc[294:299, "address_1"] = [
    "강남구 테헤란로",
    "강남구 테헤란로",
    "강북구 도봉로",
    "중구 세종대로",
    "중구",
    "중구 세종로",
]


@pytest.mark.spark
def test_spark_gives_the_pairs_and_groups_of_duckdb(engines):
    spark = engines.open("spark").spark
    with open_workspace(Options()) as workspace:
        expected = resolve(workspace, RECORDS, MAPPING)
        of_batch = block(workspace, rules_for(filled_columns(workspace)), since=290)
    with open_spark_workspace(spark) as workspace:
        found = resolve(workspace, RECORDS, MAPPING)
        assert found.model is not None
        scored, few = read_scored(workspace), score_few_pairs(workspace, found.model)
        assert block(workspace, rules_for(filled_columns(workspace)), since=290) == of_batch
    assert of_batch.candidates > 0
    assert (few.left.tolist(), few.right.tolist()) == (scored.left.tolist(), scored.right.tolist())
    assert np.abs(few.weight - scored.weight).max() < 1e-9
    assert found.blocking == expected.blocking
    assert found.pairs.left.tolist() == expected.pairs.left.tolist()
    assert found.pairs.right.tolist() == expected.pairs.right.tolist()
    # The two count half a transposition differently (decision 0020), so weights are close and not equal.
    assert np.abs(found.pairs.weight - expected.pairs.weight).max() < 1
    assert found.group.tolist() == expected.group.tolist()
    assert len(np.unique(found.group)) < len(RECORDS)


def test_sail_is_refused_with_a_hint_at_engine_spark(sail):
    with pytest.raises(UnsupportedEngineError, match="--engine spark"):
        SparkWorkspace(sail.spark)
