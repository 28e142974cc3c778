"""Scoring of register entries in memory: full runs, batches with sketches, and stored models."""

from __future__ import annotations

import random

import duckdb
import numpy as np
import pandas as pd
import pytest

from pipelines.matching.model_json import read_model, write_model
from pipelines.matching.resolution import Options
from pipelines.register.batch_matching import match_people, match_reached
from pipelines.register.entry_matching import match_all, open_private_workspace
from pipelines.register.register_entry import RegisterEntries
from pipelines.register.sketch_book import SketchBook, SketchKeys

KEYS = SketchKeys(bytes(32), bytes([1]) * 32)
SEEN = pd.Timestamp("2017-01-01")
FAMILY, GIVEN = (
    "김이박최정강조윤장임한오서신권황안송류홍",
    ["민수", "영희", "서연", "지훈", "하은", "도윤", "수아", "예준"],
)


@pytest.fixture(scope="module")
def persons() -> RegisterEntries:
    """Two hundred people; every fourth has a second entry with another phone."""
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
    return RegisterEntries.of(frame.sort_values(["kind", "token"], ignore_index=True))


def test_the_private_workspace_fails_at_its_memory_limit_and_writes_no_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    big = "create table t as select range::varchar || repeat('x', 200) as x from range(1000000)"
    with open_private_workspace(Options(memory="20MB")) as workspace, pytest.raises(duckdb.OutOfMemoryException):
        workspace.execute(big)
    assert not list(tmp_path.iterdir())


def test_a_batch_scores_the_same_pairs_as_a_full_run_with_the_stored_model(persons: RegisterEntries) -> None:
    whole = match_all(persons, Options())
    assert whole.trained is not None
    model = read_model(write_model(whole.trained, list(whole.columns)))
    assert model is not None
    token = persons.frame["token"]
    fresh = token.str.startswith("b").to_numpy() & (token.str[1:].astype(int) % 40 == 0).to_numpy()
    group = np.arange(len(persons), dtype=np.int64)
    untouched = np.zeros(len(persons), dtype=bool)
    part = match_reached(persons, group, fresh, untouched, model, Options())
    assert part.reached.sum() <= 4 * fresh.sum()
    ends = {(a, b): w for a, b, w in zip(whole.pairs.left, whole.pairs.right, whole.pairs.weight, strict=True)}
    found = {(a, b): w for a, b, w in zip(part.pairs.left, part.pairs.right, part.pairs.weight, strict=True) if w > 0}
    wanted = {pair: w for pair, w in ends.items() if w > 0 and (fresh[pair[0]] or fresh[pair[1]])}
    assert wanted
    assert wanted.keys() <= found.keys()
    assert all(found[pair] == pytest.approx(weight, abs=1e-4) for pair, weight in wanted.items())
    assert match_people(persons, group, untouched, untouched, model, Options()).reached.sum() == 0


def split(persons: RegisterEntries):
    """Return all entries, which of them are new, and the model and sketch book of the earlier entries."""
    said = persons.frame.join(persons.describe(persons.all_rows).drop(columns="source"))
    token = said["token"]
    fresh = token.str.startswith("b").to_numpy() & (token.str[1:].astype(int) % 40 == 0).to_numpy()
    old = RegisterEntries.of(said[~fresh].reset_index(drop=True), SketchBook(KEYS))
    before = match_all(old, Options())
    assert before.trained is not None
    assert before.sketches is not None
    rows = old.book.encrypt_rows(old.frame, before.sketches.values, before.sketches.layout)
    return said, fresh, before.trained, SketchBook(KEYS, rows)


def test_a_batch_decrypts_only_likely_matches_and_finds_the_same_pairs(persons: RegisterEntries) -> None:
    said, fresh, model, book = split(persons)
    group, untouched = np.arange(len(said), dtype=np.int64), np.zeros(len(said), dtype=bool)
    whole, part = RegisterEntries.of(said), RegisterEntries.of(said, book)
    without = match_reached(whole, group, fresh, untouched, model, Options())
    found = match_reached(part, group, fresh, untouched, model, Options())
    assert whole.read_count == len(said)
    assert part.read_count < len(said) / 4
    assert (found.pairs.weight > 0).sum() == fresh.sum()
    for one, other in zip(vars_of(found.pairs), vars_of(without.pairs), strict=True):
        assert one == pytest.approx(other, abs=1e-9)
    assert found.sketches is not None
    assert (found.sketches.values != 0).any(axis=1).all(), "every entry has a sketch to store"


def test_sketches_of_another_secret_find_no_pairs(persons: RegisterEntries) -> None:
    """Negative control of the test above."""
    said, fresh, model, book = split(persons)
    other = SketchBook(SketchKeys(bytes([2]) * 32, KEYS.sealing), book.rows)
    group, untouched = np.arange(len(said), dtype=np.int64), np.zeros(len(said), dtype=bool)
    found = match_reached(RegisterEntries.of(said, other), group, fresh, untouched, model, Options())
    assert not len(found.pairs)


def test_a_default_phone_is_recognised_by_its_sketches_without_decrypting_its_records(persons: RegisterEntries) -> None:
    """The batch has only three of the 150 records with the phone; the other 147 are known by their sketches."""
    said, _, model, _ = split(persons)
    crowd = pd.DataFrame(
        {
            "kind": "card_no", "source": "crm", "seen_at": SEEN, "token": [f"z{n:03}" for n in range(150)],
            "name": [FAMILY[n % 20] + chr(0xAC00 + 28 * n) + chr(0xB098 + 28 * n) for n in range(150)],
            "phone": "02-555-0199",
        }
    )  # fmt: skip
    said = pd.concat([said, crowd], ignore_index=True).astype({"seen_at": "datetime64[us]"})
    said = said.astype(object).where(said.notna(), None).astype({"seen_at": "datetime64[us]"})
    late = said["token"].isin(["z000", "z001", "z002"]).to_numpy()
    old = RegisterEntries.of(said[~late].reset_index(drop=True), SketchBook(KEYS))
    before = match_all(old, Options())
    assert before.sketches is not None
    rows = old.book.encrypt_rows(old.frame, before.sketches.values, before.sketches.layout)
    group, untouched = np.arange(len(said), dtype=np.int64), np.zeros(len(said), dtype=bool)
    people = RegisterEntries.of(said, SketchBook(KEYS, rows))
    found = match_reached(people, group, late, untouched, model, Options())
    assert people.read_count < 50
    assert not (found.pairs.weight > 0).any()
    assert any("phone: 150 records" in note for note in found.notes)


def vars_of(pairs):
    return pairs.left.tolist(), pairs.right.tolist(), pairs.weight.tolist()


def test_a_stored_model_of_other_comparisons_is_not_read_and_has_no_personal_values(persons: RegisterEntries) -> None:
    whole = match_all(persons, Options())
    assert whole.trained is not None
    text = write_model(whole.trained, list(whole.columns))
    assert read_model(text.replace('"birth_date", ', "")) is None
    assert not any(value in text for value in ("김", "@", "010-"))
