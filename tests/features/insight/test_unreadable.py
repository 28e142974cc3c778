"""Rows of models and cards that were damaged are refused with the name of their table, whatever the damage."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.insight.errors import UnreadableRowError
from features.insight.model.card import ModelCard
from features.insight.model.fitted import FittedModel
from features.insight.model.target import Target
from features.insight.score.model_table import model_row, read_models
from features.insight.segment.card import Card
from features.insight.segment.model import SegmentModel, fit
from features.insight.segment.trait import TRAITS
from tests.features.insight.model.test_fitting import fitted

DAY = date(2017, 12, 31)
MODEL = fitted(Target.CHURN)
CARD = Card("s1", DAY, DAY, "Frequent shoppers", "자주 오는 고객", 120, 0.4, (), (), {}, {}, {}, {})
SEGMENTS = fit(np.random.default_rng(0).gamma(1.0, 1.0, (60, len(TRAITS))), 5)[0]
TEXTS: list[tuple[Callable[[str], object], str]] = [
    (FittedModel.from_json, MODEL.to_json()),
    (ModelCard.from_json, MODEL.card.to_json()),
    (Card.from_json, CARD.to_json()),
    (SegmentModel.from_json, SEGMENTS.to_json()),
]


@pytest.mark.parametrize(("read", "text"), TEXTS)
@settings(max_examples=150, deadline=None)
@given(
    start=st.floats(0, 1), length=st.integers(0, 400), put=st.sampled_from(["", "null", "[]", "{}", "9", '"x"', "["])
)
def test_a_damaged_text_is_read_or_refused_and_raises_nothing_else(
    read: Callable[[str], object], text: str, start: float, length: int, put: str
) -> None:
    at = int(start * len(text))
    with suppress(UnreadableRowError):
        read(text[:at] + put + text[at + length :])


@pytest.mark.parametrize(("read", "text"), TEXTS)
@pytest.mark.parametrize("other", ["", "null", "[]", "{}", "[" * 100_000, "\0"])
def test_what_is_no_model_is_refused(read: Callable[[str], object], text: str, other: str) -> None:
    assert read(text)
    with pytest.raises(UnreadableRowError):
        read(other)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(MODEL.to_json()) - 1))
def test_a_model_is_not_used_if_any_character_of_it_was_changed(place: int) -> None:
    row = model_row(MODEL)
    assert read_models([row]) == [MODEL]
    text = row["parameters"]
    other = "7" if text[place] == "6" else "6"
    with pytest.raises(UnreadableRowError):
        read_models([row | {"parameters": text[:place] + other + text[place + 1 :]}])
