"""Conditions that test bit patterns first give the results of the plain functions, on any text."""

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.matching.similarity import contains_word, has_common_tokens, is_similar, is_within_edits
from pipelines.matching.standardise.letter_bits import letter_bits, token_bits

TEXTS = st.lists(
    st.one_of(st.text("ab01", max_size=8), st.text("김민준abc가나", max_size=6), st.text(max_size=110)),
    min_size=2,
    max_size=12,
)
TOKENS = st.lists(st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=6), min_size=2, max_size=8)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        yield opened


def _pairs(connection, frame, conditions):
    connection.register("words", frame)
    columns = ", ".join(f"l.{c} as {c}_l, r.{c} as {c}_r" for c in frame.columns)
    return connection.execute(
        f"select {', '.join(f'({c})' for c in conditions)} from (select {columns} from words l cross join words r)"
    ).fetchall()


@settings(max_examples=60)
@given(texts=TEXTS)
def test_conditions_with_letter_bits_equal_the_plain_functions(connection, texts):
    texts = [t.replace("\0", "") for t in texts]
    frame = pd.DataFrame({"t": texts, "t_bits": letter_bits(texts)})
    plain = [f"levenshtein(t_l, t_r) <= {k}" for k in (1, 2)]
    plain += [f"jaro_winkler_similarity(t_l, t_r) >= {least}" for least in (0.8, 0.84, 0.92)]
    quick = [
        is_within_edits("t", 1),
        is_within_edits("t", 2),
        is_similar("t", 0.8),
        is_similar("t", 0.84),
        is_similar("t", 0.92),
    ]
    for row in _pairs(connection, frame, [*plain, *quick]):
        assert row[:5] == row[5:]


@settings(max_examples=60)
@given(lists=TOKENS)
def test_conditions_with_token_bits_equal_the_plain_functions(connection, lists):
    lists = [list(dict.fromkeys(tokens)) for tokens in lists]
    words = [tokens[0] for tokens in lists]
    frame = pd.DataFrame({"w": words, "k": lists})
    frame["w_token_bits"] = [token_bits([w]) for w in words]
    frame["k_bits"] = [token_bits(tokens) for tokens in lists]
    shared = "len(list_intersect(k_l, k_r))"
    plain = [f"{shared} >= 1", f"{shared} >= 2", "list_contains(k_r, w_l) or list_contains(k_l, w_r)"]
    for row in _pairs(
        connection, frame, [*plain, has_common_tokens("k", "1"), has_common_tokens("k", "2"), contains_word("k", "w")]
    ):
        assert row[:3] == row[3:]


def test_letter_bits_exclude_four_of_five_pairs_of_phone_numbers(connection):
    numbers = [f"+8210{n * 7919 % 10**8:08}" for n in range(300)]
    frame = pd.DataFrame({"t": numbers, "t_bits": letter_bits(numbers)})
    rows = _pairs(connection, frame, ["bit_count(xor(t_bits_l, t_bits_r)) <= 4"])
    assert sum(row[0] for row in rows) < 0.2 * len(rows)
