"""The sentences that tell a person why an item is on a list."""

from __future__ import annotations

REASONS = {
    "bought_lately": "bought lately",
    "bought_this_season": "bought often in the last months",
    "bought_this_year": "bought often",
    "days_since_purchase": "bought a short time ago",
    "share_of_visits": "bought at many visits",
    "is_due": "due again by the usual rhythm",
    "discount_share": "bought on offer before",
    "popularity": "popular this month",
    "trend_of_week": "sells more this week",
    "trend_of_season": "sells more this month than before",
    "popularity_of_year": "popular all year",
    "likes_type": "of a type bought more than by others",
    "likes_category": "of a category bought more than by others",
    "similar_customers_month": "customers with similar purchases bought it this month",
    "similar_customers_season": "customers with similar purchases buy it",
    "alike_customers_buy": "goes with what is bought",
    "relative_price": "at a usual price level",
    "on_offer": "often on offer now",
    "first_purchases": "many customers try it now",
    "next_purchases": "often tried next after what was bought",
    "variety_in_type": "several products of its type were bought",
    "variety_in_category": "several products of its category were bought",
    "time_of_day": "sells more at this time",
    "low_price": "a low price",
    "quality": "bought again by many of its buyers",
    "convenience": "fits a quick visit",
}
"""Sentence of each reason; the names are those of measures, of the context and of an objective."""
TRAITS = {"price": "low_price", "quality": "quality", "convenience": "convenience"}
"""The reason of a trait that an objective weighs."""
