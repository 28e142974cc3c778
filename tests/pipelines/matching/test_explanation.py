"""The steps of an explanation add up to the match weight, and the waterfall chart can be drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pipelines.matching.explanation import draw_waterfall, explain
from pipelines.matching.mapping import Mapping
from pipelines.matching.resolution import Options, open_workspace, resolve

MAPPING = Mapping(name=("name",), birth_date=("birth",), phone=("phone",), address=("address",))
GIVEN = ["민수", "영희", "서연", "지훈"]


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """Two records of each of a hundred people, and before them a father, his daughter and an unrelated person."""
    dice = np.random.default_rng(5)
    rows = [
        {"name": f"{family}{given}", "birth": f"19{50 + n % 40}-0{n % 9 + 1}-{10 + n % 18}",
         "phone": f"010-{dice.integers(2000, 9999)}-{dice.integers(1000, 9999)}", "address": f"서울시 중구 종로 {n}"}
        for n, (family, given) in enumerate(zip("김이박최정강조윤장임" * 10, GIVEN * 25, strict=True))
    ]  # fmt: skip
    father = rows[0] | {"name": "한동수", "phone": "010-7777-1234", "address": "부산시 중구 대청로 9"}
    family = [father, father | {"name": "한예린", "birth": None}, rows[1] | {"name": "노진우", "address": None}]
    return pd.DataFrame([*family, *rows, *rows, father], dtype=object)


def test_the_steps_add_up_to_the_match_weight_and_the_chart_shows_no_values(people: pd.DataFrame, tmp_path) -> None:
    with open_workspace(Options()) as workspace:
        answer = resolve(workspace, people, MAPPING)
        scored = {(a, b): w for a, b, w in zip(answer.pairs.left, answer.pairs.right, answer.pairs.weight, strict=True)}
        for first, second in ((0, 1), (0, 2), (3, 103)):
            found = explain(workspace, answer.model, first, second)
            assert found.weight == pytest.approx(sum(step.weight for step in found.steps), abs=0.01)
            if found.rule is None and (first, second) in scored:
                assert found.weight == pytest.approx(scored[first, second], abs=0.01)
            for ending in ("png", "svg"):
                draw_waterfall(found, tmp_path / f"{first}-{second}.{ending}")
        family = explain(workspace, answer.model, 1, 0)
    assert family.refusal == "given names of two people"
    assert family.steps[-1].level == "given names of two people"
    assert family.weight < 0
    drawing = (tmp_path / "0-1.svg").read_text()
    assert not any(value in drawing for value in ("한동수", "7777", "대청로"))
    assert len(list(tmp_path.iterdir())) == 6
