"""The workspace of clear text writes nothing, and a model survives being written down."""

from __future__ import annotations

import random

import duckdb
import numpy as np
import pandas as pd
import pytest

from pipelines.identity.model_text import read_model, write_model
from pipelines.identity.person_batch import match_reached
from pipelines.identity.person_match import match_all, match_people, open_private_workspace
from pipelines.identity.person_record import PersonRecords
from pipelines.identity.resolve import Options

SEEN = pd.Timestamp("2017-01-01")
FAMILY, GIVEN = (
    "김이박최정강조윤장임한오서신권황안송류홍",
    ["민수", "영희", "서연", "지훈", "하은", "도윤", "수아", "예준"],
)


@pytest.fixture(scope="module")
def persons() -> PersonRecords:
    """Two hundred people, every fourth registered twice with another phone."""
    dice, rows = random.Random(3), []
    for n in range(200):
        base = {"source": "crm", "seen_at": SEEN, "kind": "member_no", "name": dice.choice(FAMILY) + dice.choice(GIVEN),
                "birth_date": f"19{dice.randrange(50, 99)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}",
                "phone": f"010-{dice.randrange(10**4):04}-{n:04}", "email": f"someone{n}@mail.example",
                "postal_code": f"{dice.randrange(10**5):05}"}  # fmt: skip
        rows.append(base | {"token": f"a{n:03}"})
        if n % 4 == 0:
            rows.append(base | {"token": f"b{n:03}", "phone": f"010-{dice.randrange(10**4):04}-{n + 5000:04}"})
    frame = pd.DataFrame(rows).astype({"seen_at": "datetime64[us]"})
    return PersonRecords.of(frame.sort_values(["kind", "token"], ignore_index=True))


def test_the_workspace_fails_rather_than_spill(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    big = "create table t as select range::varchar || repeat('x', 200) as x from range(1000000)"
    with open_private_workspace(Options(memory="20MB")) as workspace, pytest.raises(duckdb.OutOfMemoryException):
        workspace.execute(big)
    assert not list(tmp_path.iterdir())


def test_a_batch_finds_what_everybody_found_with_the_kept_model(persons: PersonRecords) -> None:
    whole = match_all(persons, Options())
    assert whole.trained is not None
    model = read_model(write_model(whole.trained, list(whole.columns)))
    assert model is not None
    token = persons.frame["token"]
    fresh = token.str.startswith("b").to_numpy() & (token.str[1:].astype(int) % 40 == 0).to_numpy()
    group = np.arange(len(persons), dtype=np.int64)
    nobody = np.zeros(len(persons), dtype=bool)
    part = match_reached(persons, group, fresh, nobody, model, Options())
    assert part.reached.sum() <= 4 * fresh.sum()
    ends = {(a, b): w for a, b, w in zip(whole.pairs.left, whole.pairs.right, whole.pairs.weight, strict=True)}
    found = {(a, b): w for a, b, w in zip(part.pairs.left, part.pairs.right, part.pairs.weight, strict=True) if w > 0}
    wanted = {pair: w for pair, w in ends.items() if w > 0 and (fresh[pair[0]] or fresh[pair[1]])}
    assert wanted
    assert wanted.keys() <= found.keys()
    assert all(found[pair] == pytest.approx(weight, abs=1e-4) for pair, weight in wanted.items())
    assert match_people(persons, group, nobody, nobody, model, Options()).reached.sum() == 0


def test_a_model_of_other_comparisons_is_not_used(persons: PersonRecords) -> None:
    whole = match_all(persons, Options())
    assert whole.trained is not None
    text = write_model(whole.trained, list(whole.columns))
    assert read_model(text.replace('"birth_date", ', "")) is None
    assert not any(value in text for value in ("김", "@", "010-"))
