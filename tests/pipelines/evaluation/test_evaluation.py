"""Accuracy on FEBRL, compared with plain Splink in the same run."""

import pandas as pd
import pytest

from pipelines.evaluation import splink_baseline
from pipelines.evaluation.dataset import LabelledFile, load_febrl, load_simulated
from pipelines.evaluation.evaluation import evaluate
from pipelines.matching.errors import SourceFileError
from pipelines.matching.mapping import guess_mapping


def test_febrl1_beats_plain_splink():
    found = evaluate(load_febrl("febrl1")).as_dict()
    assert list(found) == ["pairs", "clusters", "blocking_recall", "seconds", "baseline"]
    assert list(found["baseline"]) == ["pairs", "clusters", "blocking_recall", "seconds"]
    assert list(found["pairs"]) == list(found["clusters"]) == ["precision", "recall", "f1"]
    assert found["clusters"]["f1"] >= 0.999
    assert found["clusters"]["f1"] > found["baseline"]["clusters"]["f1"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "bar"),
    [("febrl2", "clusters", 0.999), ("febrl3", "pairs", 0.997), ("febrl4", "pairs", 0.9997)],
)
def test_f1_on_febrl_reaches_its_bar(name, kind, bar):
    assert evaluate(load_febrl(name), with_baseline=False).as_dict()[kind]["f1"] >= bar


def test_a_folder_without_a_simulation_raises_an_error_with_the_command_to_run(tmp_path):
    with pytest.raises(SourceFileError, match="bojagi simulate"):
        load_simulated(tmp_path)


def test_the_baseline_leaves_out_a_rule_on_a_constant_column_and_says_so(monkeypatch):
    monkeypatch.setattr(splink_baseline, "MOST_PAIRS", 100_000)
    data = load_febrl("febrl1")
    frame = data.frame[["given_name", "surname", "date_of_birth", "person"]].assign(zip="2000", match_key="k")
    file = LabelledFile("own", frame, "person", guess_mapping(frame, ignore=["person", "match_key"]))
    found = evaluate(file)
    assert found.as_dict()["baseline"]["left_out_rules"] == [{"rule": 'l."zip" = r."zip"', "pairs": 500_000}]
    assert 'without the blocking rule l."zip" = r."zip": it would compare 500,000 pairs' in found.describe()
    assert found.baseline is not None
    assert found.baseline.clusters.f1 > 0.8


def test_the_baseline_of_a_file_of_constant_columns_compares_nothing(monkeypatch):
    monkeypatch.setattr(splink_baseline, "MOST_PAIRS", 1_000)
    frame = pd.DataFrame({"name": ["홍길동"] * 60, "phone": "010-1234-5678", "person": [str(n) for n in range(60)]})
    found = evaluate(LabelledFile("own", frame, "person", guess_mapping(frame, ignore=["person"])))
    assert {rule.pairs for rule in found.left_out} == {1_800}
    assert found.baseline is not None
    assert found.baseline.clusters.recall == 1.0, "there are no true pairs"
