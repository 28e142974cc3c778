"""The traits by which customers are divided into segments, each an SQL expression over gold/customer_360.

They are demographic, behavioural and attitudinal. None reveals belief, diet, health or pregnancy: a test compares their
columns with the contract, which marks such columns as sensitive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TABLE = "gold/customer_360"


class Block(StrEnum):
    """Kind of a trait."""

    DEMOGRAPHIC = "demographic"
    BEHAVIOURAL = "behavioural"
    ATTITUDINAL = "attitudinal"


class Form(StrEnum):
    """How the mean of a trait is written."""

    NUMBER = "number"
    SHARE = "share"
    YES_NO = "yes_no"
    """1 for yes and 0 for no; the mean is the share of yes."""
    MONEY = "money"
    DAYS = "days"
    YEARS = "years"


@dataclass(frozen=True)
class Words:
    """Words of a trait above or below the base, which stand before "shoppers" and before "고객" in a name."""

    english: str
    korean: str


@dataclass(frozen=True)
class Trait:
    """One number about a customer. `sql` gives it as a double, and null where it is unknown.

    `is_skewed` says that the logarithm of 1 + value is compared, because few customers have very large values.
    `weight` is the share of a standard deviation with which it counts. A trait with weight 0 describes segments only.
    """

    name: str
    label: str
    label_ko: str
    columns: tuple[str, ...]
    sql: str
    block: Block
    form: Form = Form.NUMBER
    is_skewed: bool = False
    weight: float = 1.0
    above: Words | None = None
    below: Words | None = None


def _plain(column: str) -> tuple[tuple[str, ...], str]:
    return (column,), f"cast({column} as double)"


def _cases(column: str, values: dict[str, float]) -> tuple[tuple[str, ...], str]:
    whens = " ".join(f"when '{value}' then {number:.1f}" for value, number in values.items())
    return (column,), f"cast(case {column} {whens} end as double)"


_MIDDLES = {"14-18": 16, "19-24": 21.5, "25-34": 29.5, "35-44": 39.5, "45-54": 49.5, "55-64": 59.5, "65+": 72}
_INCOMES = {
    "Under 15K": 10, "15-24K": 20, "25-34K": 30, "35-49K": 42.5, "50-74K": 62.5, "75-99K": 87.5, "100-124K": 112.5,
    "125-149K": 137.5, "150-174K": 162.5, "175-199K": 187.5, "200-249K": 225, "250K+": 275,
}  # fmt: skip
_SIZES = {"1": 1, "2": 2, "3": 3, "4": 4, "5+": 5.5}
_B, _A, _D = Block.BEHAVIOURAL, Block.ATTITUDINAL, Block.DEMOGRAPHIC

TRAITS = (
    Trait("order_count", "orders", "주문 수", *_plain("order_count"), _B, is_skewed=True, weight=2.0,
          above=Words("frequent", "자주 오는"), below=Words("occasional", "가끔 오는")),
    Trait("monthly_spend", "spend a month", "월 지출", *_plain("mean_monthly_spend"), _B, Form.MONEY, is_skewed=True,
          weight=2.0, above=Words("high-spending", "지출이 큰"), below=Words("low-spending", "지출이 적은")),
    Trait("basket_value", "spend an order", "주문당 지출", *_plain("mean_basket_value"), _B, Form.MONEY, is_skewed=True,
          above=Words("big-basket", "한 번에 많이 사는"), below=Words("small-basket", "조금씩 사는")),
    Trait("interval_days", "days between orders", "주문 간격", *_plain("median_interval_days"), _B, Form.DAYS,
          is_skewed=True),
    Trait("days_since_order", "days since the last order", "마지막 주문 후 일수", *_plain("days_since_last_order"), _B,
          Form.DAYS, is_skewed=True, above=Words("lapsing", "발길이 뜸해진")),
    Trait("online_share", "share of orders online", "온라인 주문 비율", *_plain("online_order_share"), _B, Form.SHARE,
          above=Words("online", "온라인")),
    Trait("digital_events", "web and app events", "웹·앱 활동 수", *_plain("digital_event_count"), _B, is_skewed=True,
          above=Words("browsing", "둘러보는"), below=Words("store-only", "매장 중심")),
    Trait("weekend_share", "share of orders at the weekend", "주말 주문 비율", *_plain("weekend_share"), _B, Form.SHARE,
          weight=0.25, above=Words("weekend", "주말"), below=Words("weekday", "평일")),
    Trait("discount_share", "share of spend with a discount", "할인 구매 비율", *_plain("discounted_spend_share"), _A,
          Form.SHARE, above=Words("bargain-hunting", "할인을 찾는"), below=Words("full-price", "정가로 사는")),
    Trait("private_label_share", "share of private label", "자체 상표 비율", *_plain("private_label_share"), _A,
          Form.SHARE, weight=0.25, above=Words("private-label", "자체 상표를 찾는")),
    Trait("brand_loyalty", "brand loyalty", "브랜드 충성도", *_plain("brand_loyalty"), _A, Form.SHARE, weight=0.25,
          above=Words("brand-loyal", "한 브랜드를 고수하는"), below=Words("brand-switching", "브랜드를 바꿔 보는")),
    Trait("novelty", "share of new products tried", "신상품 시도 비율", *_plain("novelty_acceptance"), _A, Form.SHARE,
          weight=0.25, above=Words("novelty-seeking", "신상품을 찾는")),
    Trait("planned_share", "share of planned purchases", "계획 구매 비율", *_plain("planned_share"), _A, Form.SHARE,
          above=Words("planning", "계획적인")),
    Trait("campaign_response", "response to campaigns", "캠페인 반응률", *_plain("campaign_response_rate"), _A,
          Form.SHARE, weight=0.25, above=Words("campaign-minded", "캠페인에 반응하는")),
    Trait("satisfaction", "promoter (1) to detractor (-1)", "추천 의향 (1~-1)",
          *_cases("nps_category", {"promoter": 1, "passive": 0, "detractor": -1}), _A, weight=0.15),
    Trait("rating", "stars in reviews", "평균 별점", *_plain("mean_rating"), _A, weight=0.15),
    Trait("age", "age", "나이", *_cases("age_band", _MIDDLES), _D, Form.YEARS, weight=0.3,
          above=Words("older", "연령이 높은"), below=Words("younger", "젊은")),
    Trait("household_size", "persons in the household", "가구원 수", *_cases("household_size", _SIZES), _D,
          weight=0.15),
    Trait("income", "income in 1,000 USD", "소득 (천 달러)", *_cases("income_band", _INCOMES), _D, weight=0.15),
    Trait("urban", "lives in a city", "도시 거주", *_plain("is_urban"), _D, Form.YES_NO, weight=0.15),
    Trait("female", "women", "여성", *_cases("sex", {"F": 1, "M": 0}), _D, Form.YES_NO, weight=0.0),
)  # fmt: skip
"""All traits. Behaviour shapes the segments the most, and traits that are unknown for most customers the least. The
weights were chosen on the simulated market, as those of five sets with the most stable segments (docs/segments.md)."""
