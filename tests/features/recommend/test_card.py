"""The card of a recommender: figures of days that it was not fitted on, and the simple one where it is no better."""

from __future__ import annotations

from datetime import date, timedelta
from html.parser import HTMLParser

import numpy as np
import pytest

from features.recommend.card import RecommenderCard, fit_with_card
from features.recommend.card_text import card_sentences, frontier_rows, newest_first, quality_rows, render_page
from features.recommend.errors import TooFewPurchasesError
from features.recommend.history import PurchaseHistory
from features.recommend.objective import Objective
from features.recommend.recommender import FREQUENCY, Recommender
from tests.features.recommend.habits import LAST, WEEKS, catalogue, habits, lines_of, price_of

OBJECTIVES = {"relevance": Objective(), "cheap": Objective(price=1.0), "new": Objective(new_slots=4)}
Fit = tuple[Recommender, RecommenderCard]


@pytest.fixture(scope="module")
def fit() -> Fit:
    return fit_with_card(habits(), catalogue(), LAST, 3, OBJECTIVES)


def steady_lines() -> list[tuple[str, str, date]]:
    """Return the lines of customers who buy the same ten items each week: frequency cannot be surpassed."""
    random = np.random.default_rng(3)
    own = [random.choice(60, 10, replace=False) for _ in range(60)]
    return [
        (f"c{one:02d}", f"i{item:02d}", LAST - timedelta(days=7 * week))
        for one in range(60) for week in range(WEEKS) for item in own[one]
    ]  # fmt: skip


def test_a_better_recommender_is_kept_with_its_figures(fit: Fit) -> None:
    recommender, card = fit
    assert recommender != FREQUENCY
    assert (card.version, card.fitted_on, card.fit_to, card.customer_count) == ("hybrid/3", LAST, LAST, 120)
    (every,), (new,) = card.every, card.new
    assert (every.method, new.method) == ("personal frequency", "popularity")
    for one in (every, new):
        assert one.difference.low <= one.difference.mean == pytest.approx(one.ours - one.theirs)
        assert one.difference.mean > 0
    assert new.difference.low > 0
    assert 0.95 < card.candidate_recall <= 1


def test_where_it_is_not_better_frequency_takes_its_place() -> None:
    history = PurchaseHistory.of_table(lines_of(steady_lines())).of_items(catalogue().items)
    recommender, card = fit_with_card(history, catalogue(), LAST, 2, OBJECTIVES)
    assert (recommender, card.version) == (FREQUENCY, "frequency/2")
    assert card.every[0].ours == card.every[0].theirs == 1
    assert not card.new, "nobody bought anything new"
    assert "this one is not fitted" in card_sentences(card)[-1]


def test_without_a_horizon_to_judge_on_frequency_is_kept() -> None:
    short = habits().between(*[int(habits().day.max()) + one for one in (-48, 1)])
    recommender, card = fit_with_card(short, catalogue(), LAST, 1, OBJECTIVES)
    assert (recommender, card.version) == (FREQUENCY, "frequency/1")


def test_too_few_customers_are_refused() -> None:
    with pytest.raises(TooFewPurchasesError):
        fit_with_card(habits(30), catalogue(), LAST, 1, OBJECTIVES)


def test_the_last_horizon_is_not_fitted_on(fit: Fit) -> None:
    # The figures are those of a recommender that does not see the last horizon: with other purchases in it, the
    # recommender of the earlier ones stays, and its figures change with the truth alone.
    _, card = fit_with_card(habits(), catalogue(), LAST - timedelta(days=28), 3, OBJECTIVES)
    assert card.every != fit[1].every
    assert card.fit_to == LAST - timedelta(days=28)


def test_a_weight_on_price_lowers_the_mean_price_and_slots_raise_the_share_of_new_items(fit: Fit) -> None:
    by_name = {one.name: one for one in fit[1].frontier}
    assert list(by_name) == list(OBJECTIVES)
    plain, cheap, new = by_name["relevance"], by_name["cheap"], by_name["new"]
    assert plain.ndcg == fit[1].every[0].ours
    assert cheap.price < plain.price
    assert cheap.ndcg < plain.ndcg
    assert new.new_share > plain.new_share
    assert min(map(price_of, catalogue().items)) < cheap.price < max(map(price_of, catalogue().items))


def test_a_card_is_the_same_after_json_and_each_time(fit: Fit) -> None:
    again = fit_with_card(habits.__wrapped__(), catalogue(), LAST, 3, OBJECTIVES)
    assert again[1].to_json() == fit[1].to_json()
    assert again[0].to_json() == fit[0].to_json()
    assert RecommenderCard.from_json(fit[1].to_json()) == fit[1]


def test_cards_are_sorted_by_number_and_told_in_words(fit: Fit) -> None:
    texts = [fit[1].to_json().replace("hybrid/3", f"hybrid/{number}") for number in (9, 11, 10)]
    assert [card.version for card in newest_first(texts)] == ["hybrid/11", "hybrid/10", "hybrid/9"]
    assert "about 120 customers" in card_sentences(fit[1])[0]
    assert [row[0] for row in quality_rows(fit[1])] == ["all items", "items never bought before"]
    assert [row[0] for row in frontier_rows(fit[1])] == list(OBJECTIVES)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]


def test_the_page_has_a_chart_and_refers_to_nothing_outside(fit: Fit) -> None:
    page = render_page([fit[1]])
    reader = _Reader()
    reader.feed(page)
    assert reader.tags.count("circle") == len(OBJECTIVES)
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    assert not reader.references
    assert "url(" not in page
    assert "@import" not in page
    assert page.count("http") == page.count("http://www.w3.org/2000/svg")
