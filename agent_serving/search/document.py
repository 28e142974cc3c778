"""A document of the index: one product, shop, facility, event, promotion, coupon, answer or place nearby."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

EVERY_BRANCH: Final = "*"
"""Branch of a document that holds for every branch, such as an answer about the membership."""

Fact = str | int | float


class Kind(StrEnum):
    """What a document describes."""

    PRODUCT = "product"
    STORE = "store"
    """A brand's shop or counter on a floor of a branch."""
    FACILITY = "facility"
    BRANCH = "branch"
    """The branch itself: address, opening hours, days of rest, telephone."""
    FLOOR = "floor"
    EVENT = "event"
    PROMOTION = "promotion"
    COUPON = "coupon"
    FAQ = "faq"
    PLACE = "place"
    """A place near the branch, whose facts were checked against their source."""


@dataclass(frozen=True)
class Document:
    """One thing that a search finds.

    Attributes:
        id: unique in the index, such as `product:gangnam-0012`.
        kind: what the document describes.
        branch: code of the branch, or `EVERY_BRANCH`.
        title: name to show.
        text: sentences that are searched beside the title.
        facts: what an answer may state, such as `name`, `brand`, `price_won`, `floor`, `hours`, `phone`, `name_en`,
            `category`, `allergens` and `diets` (joined by commas), `valid_from` and `valid_until` (ISO dates, both
            included).
        card: `image`, `map`, `url` and `phone` of the card; never in a prompt.
        keywords: further words by which it is found, such as abbreviations and English names. Never shown.
    """

    id: str
    kind: Kind
    branch: str
    title: str
    text: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
