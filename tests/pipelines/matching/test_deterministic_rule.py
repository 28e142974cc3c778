"""Deterministic rules decide pairs before scoring, unless a part contradicts."""

import pandas as pd
import pytest

from pipelines.matching.deterministic_rule import CERTAIN_WEIGHT
from pipelines.matching.explanation import explain
from pipelines.matching.mapping import Mapping
from pipelines.matching.resolution import Options, open_workspace, resolve

MAPPING = Mapping(name=("name",), birth_date=("birth_date",), phone=("phone",), email=("email",), sex=("sex",))
ANNA = {"name": "Anna Berg", "birth_date": "1980-05-06", "phone": "010-2345-6789", "email": "a@b.example", "sex": "f"}
# Other people, so that a model can be trained.
CROWD = [
    {
        "name": f"{first} {last}",
        "birth_date": f"19{50 + n}-0{n % 9 + 1}-11",
        "phone": f"010-33{n}-77{n}1",
        "email": f"p{n}@q.example",
        "sex": "m",
    }
    for n, (first, last) in enumerate(
        zip(["Bo", "Cem", "Dag", "Eli", "Finn"] * 8, ["Or", "Li", "Wu", "Ek"] * 10, strict=True)
    )
]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"birth_date": None}, "email + given_name + surname"),
        ({"email": "other@c.example"}, "phone + given_name + surname + birth_date"),
        ({"name": "Anna Holm"}, None),
        ({"birth_date": "1951-11-30"}, None),
        ({"sex": "m"}, None),
    ],
)
def test_a_rule_decides_a_pair_unless_a_part_contradicts(change, rule):
    frame = pd.DataFrame([ANNA, ANNA | change, *CROWD, *CROWD], dtype=object)
    with open_workspace(Options()) as workspace:
        answer = resolve(workspace, frame, MAPPING)
        found = explain(workspace, answer.model, 0, 1)
    weights = {(a, b): w for a, b, w in zip(answer.pairs.left, answer.pairs.right, answer.pairs.weight, strict=True)}
    assert found.rule == rule
    assert (weights[(0, 1)] == CERTAIN_WEIGHT) == (rule is not None)
    if rule:
        assert answer.group[1] == 0
        assert found.as_text().startswith(f"decided by rule: {rule}")


def test_a_file_whose_only_pair_is_decided_by_a_rule_is_resolved():
    frame = pd.DataFrame([ANNA, ANNA], dtype=object)
    with open_workspace(Options()) as workspace:
        assert resolve(workspace, frame, MAPPING).group.tolist() == [0, 0]
