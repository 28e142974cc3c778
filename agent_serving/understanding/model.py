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


class Topic(StrEnum):
    """What a message is about besides products: tools are chosen by it. The first two are said without a wish."""

    GREETING = "greeting"
    THANKS = "thanks"
    OPENING_HOURS = "opening_hours"
    FACILITY = "facility"
    FLOOR = "floor"
    PARKING = "parking"
    PROMOTION = "promotion"
    COUPON = "coupon"
    EVENT = "event"
    POINTS = "points"
    MEMBERSHIP = "membership"
    PAYMENT = "payment"
    GIFT_WRAP = "gift_wrap"
    RECOMMENDATION = "recommendation"
    VISIT = "visit"
    ORDER = "order"
    DELIVERY = "delivery"
    CANCEL = "cancel"
    RETURN = "return"
    EXCHANGE = "exchange"
    RECEIPT = "receipt"
    REPAIR = "repair"
    CONSENT = "consent"
    COMPLAINT = "complaint"


COURTESY = frozenset({Topic.GREETING, Topic.THANKS})
"""Topics of a message that wants nothing."""


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
    """What a message says. `confidence` is the probability of the intent; `order_number` the digits of an order."""

    language: Language
    intent: Intent
    confidence: float
    items: tuple[WantedItem, ...] = ()
    time: tuple[str, ...] = ()
    place: tuple[str, ...] = ()
    constraints: Constraints = field(default_factory=Constraints)
    missing_slot: Slot | None = None
    topics: tuple[Topic, ...] = ()
    order_number: str | None = None
    text: str = ""


@dataclass(frozen=True)
class Context:
    """What earlier turns said: a short message ("then the blue one", "how about 5F") is read in its light."""

    language: Language | None = None
    previous: Understanding | None = None
