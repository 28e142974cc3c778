"""Explains the automated selection of recommended products, from bronze/recommendation_event.

It explains what was selected and shown. Other packages add explainers for their own decisions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from installation.installation import Installation
from installation.rights.own_row import PersonRows
from privacy.rights.explanation import DecisionInput, ExplainedDecision
from privacy.rights.subject import Subject
from privacy.rights.wording import Wording

NAME = "recommendation"
_SOURCE = "source.recommendation_event"
_LOGIC = {
    "popular": Wording(
        "{}: products that many customers bought lately. Data about you are not used.",
        "{}: 최근 많은 고객이 구매한 상품입니다. 고객님의 정보는 쓰이지 않습니다.",
    ),
    "also_bought": Wording(
        "{}: products that other customers bought together with products that you bought or viewed.",
        "{}: 고객님이 구매하거나 본 상품과 다른 고객이 함께 구매한 상품입니다.",
    ),
    "repurchase": Wording(
        "{}: products that you buy regularly, shown when the usual interval between your purchases has passed.",
        "{}: 고객님이 정기적으로 구매하는 상품을 평소 구매 간격이 지났을 때 보여 드립니다.",
    ),
    "new_arrival": Wording(
        "{}: new products of the categories that you buy most.",
        "{}: 고객님이 가장 많이 구매하는 카테고리의 새 상품입니다.",
    ),
}
_NAMES = {
    "popular": Wording("Popular products", "인기 상품"),
    "also_bought": Wording("Bought together", "함께 구매한 상품"),
    "repurchase": Wording("Buy again", "재구매 추천"),
    "new_arrival": Wording("New arrivals", "신상품 추천"),
}
_UNKNOWN = Wording(
    "{}: a procedure that this document does not know. Ask the privacy office to explain it.",
    "{}: 이 문서에 설명이 없는 방식입니다. 개인정보 보호 담당 부서에 설명을 요구하십시오.",
)
_INPUTS = (
    Wording("Products that you bought", "구매하신 상품"),
    Wording("Products that you viewed", "조회하신 상품"),
    Wording("Usual interval between purchases", "평소 구매 간격"),
)
_EFFECT = Wording(
    "You see other products in the shop, the app or a message. Prices, delivery and contracts stay the same, so there "
    "is no legal or similarly significant effect.",
    "온라인몰·앱·메시지에 보이는 상품이 달라집니다. 가격·배송·계약은 달라지지 않으므로 "
    "법적 효과나 이에 준하는 중대한 영향은 없습니다.",
)
_REVIEW = Wording(
    "You may object to personalisation at any time; recommendations then use no data about you. You may also ask that "
    "a person examines them.",
    "언제든지 맞춤 추천을 거부하실 수 있으며, 그 뒤에는 고객님의 정보를 쓰지 않습니다. "
    "사람이 검토하도록 요구하실 수도 있습니다.",
)


class RecommendationExplainer:
    """Explains the recommendations that were shown to a person, see `DecisionExplainer`."""

    names = (NAME,)

    def __init__(self, installation: Installation, who: str) -> None:
        self._installation, self._who = installation, who

    def explain(self, subject: Subject) -> Iterator[ExplainedDecision]:
        """Yield one explanation with all procedures that selected products for the person."""
        contract = self._installation.contracts.get(_SOURCE)
        if contract is None or not self._installation.lakehouse.exists(contract.table):
            return
        shown = PersonRows(self._installation, subject, self._who).read(contract).rows
        if not shown:
            return
        counts = Counter(str(row["algorithm"]) for row in shown)
        outcomes = Counter(str(row["outcome"]) for row in shown)
        parts = [_part(name, times) for name, times in counts.most_common()]
        reaction = ", ".join(f"{name} {times}" for name, times in outcomes.most_common())
        yield ExplainedDecision(
            name=NAME,
            title=Wording("Selection of recommended products", "추천 상품 선정"),
            logic=Wording(" ".join(part.en for part in parts), " ".join(part.ko for part in parts)),
            effect=_EFFECT,
            times=len(shown),
            last_at=max(row["shown_at"] for row in shown),
            inputs=(
                *(DecisionInput(title) for title in _INPUTS),
                DecisionInput(Wording("Your reactions", "고객님의 반응"), reaction),
            ),
            review=_REVIEW,
        )


def _part(algorithm: str, times: int) -> Wording:
    name, logic = _NAMES.get(algorithm, Wording(algorithm, algorithm)), _LOGIC.get(algorithm, _UNKNOWN)
    return Wording(logic.en.format(f"{name.en} ({times} times)"), logic.ko.format(f"{name.ko} ({times}회)"))
