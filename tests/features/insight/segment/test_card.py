"""Cards tell figures of groups only, with intervals that hold what they promise, and deterministic names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from features.insight.group_size import K, told_size
from features.insight.segment.card import (
    Card,
    CategoryFigure,
    Moments,
    TraitFigure,
    compare,
    rounded,
    told_share,
    told_shares,
    trait_figures,
)
from features.insight.segment.clustering import Stability
from features.insight.segment.naming import name_segments
from features.insight.segment.persona_page import render_page
from features.insight.segment.reading import Segmentation
from features.insight.segment.trait import TRAITS, Form
from features.insight.segment.wording import card_lines

BASE = {trait.name: Moments(1000, 0.5 if trait.form is Form.YES_NO else 10.0, 4.0) for trait in TRAITS}
DAY = date(2017, 12, 31)


def _figure(trait: str, effect: float, width: float = 0.1) -> TraitFigure:
    return TraitFigure(trait, 10 + effect, 10 + effect - width, 10 + effect + width, 10.0, effect)


def _card(**fields: object) -> Card:
    card = Card("s1", DAY, DAY, "Frequent shoppers", "자주 오는 고객", 120, 0.4, (_figure("order_count", 1.2),),
                (CategoryFigure("Beef <b>", 0.2, 1.5),), {"economy": 0.6}, {"store": 0.9}, {"monday": 0.2},
                {"morning": 0.3})  # fmt: skip
    return replace(card, **fields)  # type: ignore[arg-type]


def test_a_trait_that_is_known_of_fewer_than_k_customers_is_not_told() -> None:
    own = dict(BASE) | {"age": Moments(K - 1, 50.0, 3.0), "income": Moments(K, 50.0, 3.0)}
    told = {figure.trait for figure in trait_figures(own, BASE)}
    assert "age" not in told
    assert "income" in told


def test_the_most_distinguishing_trait_comes_first() -> None:
    own = dict(BASE) | {"age": Moments(400, 6.0, 3.0), "income": Moments(400, 12.0, 3.0)}
    first, second, *_ = trait_figures(own, BASE)
    assert (first.trait, first.effect, first.is_distinct) == ("age", -1.0, True)
    assert (second.trait, second.base) == ("income", 10.0)


@pytest.mark.parametrize("trait", ["order_count", "urban"])
def test_ninety_five_percent_of_the_intervals_hold_the_mean(trait: str) -> None:
    random, hits, tries = np.random.default_rng(4), 0, 1000
    for _ in range(tries):
        values = random.random(40) < 0.3 if trait == "urban" else random.normal(0.3, 1, 40)
        own = dict(BASE) | {trait: Moments(40, float(values.mean()), float(values.std(ddof=1)))}
        figure = next(one for one in trait_figures(own, BASE) if one.trait == trait)
        hits += figure.low <= 0.3 <= figure.high
    assert 0.92 < hits / tries < 0.98


def test_the_interval_of_a_mean_share_stays_between_zero_and_one() -> None:
    own = dict(BASE) | {"campaign_response": Moments(K, 0.1, 0.3), "novelty": Moments(K, 0.9, 0.3)}
    told = {figure.trait: figure for figure in trait_figures(own, BASE)}
    assert (told["campaign_response"].low, told["novelty"].high) == (0.0, 1.0)


def test_shares_of_small_groups_are_left_out() -> None:
    assert told_shares({"economy": K - 1, "premium": K}, 2 * K - 1) == {"premium": 0.6}


def _sizes_that_fit(size: int, counts: list[int], tell: Callable[[int, int], float]) -> list[int]:
    """Return the sizes that explain a rounded size and some told shares."""
    told = [tell(count, size) for count in counts]
    return [
        other
        for other in range(told_size(size), told_size(size) + K)
        if all(any(tell(count, other) == share for count in range(K, other + 1)) for share in told)
    ]


def test_the_shares_of_a_card_do_not_tell_its_exact_size() -> None:
    random, tries = np.random.default_rng(7), 200
    found = {"steps": 0, "digits": 0}
    for _ in range(tries):
        size = int(random.integers(40, 400))
        counts = [int(random.integers(K, size)) for _ in range(7)]
        found["steps"] += _sizes_that_fit(size, counts, told_share) == [size]
        found["digits"] += _sizes_that_fit(size, counts, lambda count, total: rounded(count / total)) == [size]
    assert found["steps"] / tries < 0.1
    assert found["digits"] / tries > 0.9


def test_the_interval_of_a_share_does_not_tell_how_many_have_a_value() -> None:
    """For each share, all sizes of a multiple of K and above have the same interval as the multiple itself."""
    for count in range(100, 110):
        own = dict(BASE) | {"urban": Moments(count, 0.5, 0.5)}
        figure = next(one for one in trait_figures(own, BASE) if one.trait == "urban")
        assert (figure.mean, figure.low, figure.high) == (0.5, 0.404, 0.596)


def test_a_change_is_told_when_the_intervals_do_not_overlap() -> None:
    former = _card(traits=(_figure("order_count", 0.2), _figure("age", 1.0)), customer_count=100)
    now = _card(traits=(_figure("order_count", 1.2), _figure("age", 1.1)))
    assert [change.trait for change in compare(now, former)] == ["size", "order_count"]
    assert compare(now, now) == ()


def test_a_card_survives_json() -> None:
    card = _card(changed_since=date(2017, 11, 30), changes=compare(_card(), _card(customer_count=50)))
    assert Card.from_json(card.to_json()) == card


def test_names_come_from_the_traits_and_are_unique_in_both_languages() -> None:
    frequent, online = _figure("order_count", 1.2), _figure("online_share", 0.8)
    figures = {"s1": (frequent, online), "s2": (frequent, online), "s3": (), "s4": (), "s0": (frequent,)}
    names = name_segments(figures)
    assert names["s1"] == ("Frequent, online shoppers", "자주 오는 온라인 고객")
    assert names["s0"] == ("Not yet buying", "아직 구매 전인 고객")
    assert len({english for english, _ in names.values()}) == len({korean for _, korean in names.values()}) == 5
    assert name_segments(figures) == names


def test_a_difference_within_chance_gives_no_name() -> None:
    names = name_segments({"s1": (_figure("order_count", 1.2, width=1.3),)})
    assert names["s1"] == ("Typical shoppers", "보통 고객")


def test_the_words_of_two_traits_are_never_the_same() -> None:
    words = [word for trait in TRAITS for word in (trait.above, trait.below) if word]
    assert len({word.english for word in words}) == len({word.korean for word in words}) == len(words)


def test_the_page_and_the_text_have_every_figure_and_escape_names() -> None:
    card = _card(moved_in={"s2": 20}, changed_since=date(2017, 11, 30))
    found = Segmentation(DAY, (card,), DAY, Stability(0.9, 0.8, 1.0), 50, None, {3: 0.2}, 120)
    page = render_page(found, found.cards)
    assert "Beef &lt;b&gt;" in page
    assert "<b>" not in page.replace("Beef <b>", "")
    assert "자주 오는 고객" in page
    assert "20 from s2" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page == render_page(found, found.cards)
    assert any("all 10" in line for line in card_lines(card))
