"""Accuracy on FEBRL, compared with plain Splink in the same run."""

import pytest

from pipelines.evaluation.dataset import load_febrl, load_simulated
from pipelines.evaluation.evaluation import evaluate
from pipelines.matching.errors import SourceFileError


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
