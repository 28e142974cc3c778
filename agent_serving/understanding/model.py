"""What one message of a shopper was understood to say. Plain values: no rule, no lexicon, no library of language."""

from dataclasses import dataclass, field
from enum import StrEnum


class Intent(StrEnum):
    """What the shopper wants from this turn. Exactly one."""

    BUY_NOW = "buy_now"
    COMPARE = "compare"
    PLAN = "plan"
    FIND_INFORMATION = "find_information"
    SERVICE = "service"


class Language(StrEnum):
    """Languages that are answered in. A message in any other language is answered in English."""

    KOREAN = "ko"
    ENGLISH = "en"
    JAPANESE = "ja"
    CHINESE = "zh"


class Slot(StrEnum):
    """A detail without which the turn cannot be answered well: it leads to one clarifying question."""

    PRODUCT = "product"
    OTHER_OPTION = "other_option"  # a comparison names one thing only
    OCCASION = "occasion"  # a plan without occasion, recipe, person or product
    ORDER = "order"  # a service request without its kind or its order
    TOPIC = "topic"  # nothing in the message was understood


@dataclass(frozen=True)
class WantedItem:
    """One product or brand of a message. `priority` 1 is the most important; prices are won for one piece."""

    product: str | None = None
    brand: str | None = None
    quantity: int | None = None
    price_min: int | None = None
    price_max: int | None = None
    priority: int = 1


@dataclass(frozen=True)
class Constraints:
    """What a product must respect, as codes: `allergies` are ingredients to avoid (peanut, milk, …)."""

    allergies: tuple[str, ...] = ()
    faiths: tuple[str, ...] = ()
    diets: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Is true when there is any constraint."""
        return bool(self.allergies or self.faiths or self.diets)


@dataclass(frozen=True)
class Understanding:
    """What a message says. `confidence` is between 0 and 1. `topics` are codes of `find_information` and `service`.

    `topics` hold, for example, opening_hours, facility, parking, event, promotion, coupon, points, floor, delivery,
    return, exchange, receipt, repair, membership, order: tools are chosen by them.
    """

    language: Language
    intent: Intent
    confidence: float
    items: tuple[WantedItem, ...] = ()
    time: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    missing_slot: Slot | None = None
    topics: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True)
class Context:
    """What earlier turns said: a short message ("then the blue one", "how about 5F") is read in its light."""

    language: Language | None = None
    previous: Understanding | None = None
