"""Reads a message in the light of the turn before it, and says which detail is missing."""

from __future__ import annotations

import re
from dataclasses import replace

from agent_serving.understanding.model import Intent, Slot, Topic, Understanding, WantedItem
from agent_serving.understanding.vocabulary import compact

_DEICTIC = re.compile(
    r"그거|이거|저거|그것|이것|요거|고거|그걸|이걸|저걸|그건|이건|둘중|둘다|첫번째|두번째|세번째|아까|방금|다른거|다른건|더싼|더비싼|더저렴|더큰|더작은|말고|\bthat\b|\bit\b|\bthose\b|cheaper|another|それ|これ|那个|这个"
)
_CHEAPER = re.compile(r"더싼|더저렴|더싸|싼거|cheaper|安い|便宜")
_OCCASION = re.compile(
    r"생일|생신|돌잔치|백일|환갑|칠순|결혼|기념일|집들이|제사|차례|명절|추석|설|김장|캠핑|차박|소풍|피크닉|여행|벌초|모임|파티|생파|손님|초대|이사|퇴직|승진|입학|졸업|출산|병문안|신혼|혼수|자취|선물|답례|식단|일정|동선|순서|코스|데이트|외출|입대|군대|재료|레시피|만들|해먹|끓이|요리|차리|상차림|꾸미|베이킹|"
    r"gift|party|birthday|dinner|picnic|trip|プレゼント|お土産|パーティー|礼物|聚会|生日"
)
_PAIR = re.compile(
    r"(?:이?랑|하고|허고|[와과]) |아니면|\bvs\b|\bor\b|\band\b|와|と|和|(?P<end>나아|낫|좋|될까|할까|살까).*(?P=end)",
    re.IGNORECASE,
)
"""Signs that a message names two options, although their names are in no lexicon."""
_RECENT_WORDS = 14
"""A message of at most so many characters may be the answer to a question."""

_SHORTEST_REQUEST = 8
"""A request of service that is longer than so many characters says what is wanted."""


def continue_from(said: Understanding, previous: Understanding | None) -> Understanding:
    """Return the message with what it leaves out taken from the turn before: "더 싼 거 있어?", "3층에는?"."""
    if previous is None:
        return said
    short = compact(said.text)
    answers = previous.missing_slot is not None and len(short) <= 3 * _RECENT_WORDS
    if answers and (said.items or said.place or said.time or said.constraints or said.topics):
        # The answer to our question completes the earlier message.
        merged = _with_items(said, previous.items) if not said.items else said
        intent = previous.intent if previous.missing_slot not in (Slot.TOPIC, None) else said.intent
        return replace(merged, intent=intent, text=f"{previous.text} {said.text}".strip())
    if said.items or not previous.items:
        return said
    if _DEICTIC.search(short) or (len(short) <= _RECENT_WORDS and not (said.topics or said.place)):
        cheaper = _CHEAPER.search(short)
        items = tuple(replace(i, price_max=_below(i)) if cheaper else i for i in previous.items)
        return replace(_with_items(said, items), constraints=said.constraints or previous.constraints)
    return said


def _below(item: WantedItem) -> int | None:
    return item.price_max * 7 // 10 if item.price_max else None


def _with_items(said: Understanding, items: tuple[WantedItem, ...]) -> Understanding:
    price = next((i for i in said.items if not i.product and not i.brand), None)
    if price is not None:
        items = tuple(
            replace(i, price_min=price.price_min or i.price_min, price_max=price.price_max or i.price_max)
            for i in items
        )
    return replace(said, items=items)


def missing_slot_of(said: Understanding, previous: Understanding | None) -> Slot | None:
    """Return the detail to ask for; None if the turn can be answered, or if the question would be asked twice."""
    slot = _SLOTS[said.intent](said)
    if not any(letter.isalpha() for letter in said.text):
        slot = Slot.TOPIC
    is_asked_again = slot is not None and previous is not None and previous.missing_slot is slot
    return None if is_asked_again else slot


def _for_buying(said: Understanding) -> Slot | None:
    named = any(item.product or item.brand for item in said.items)
    return None if named or said.constraints or said.place or Topic.RECOMMENDATION in said.topics else Slot.PRODUCT


def _for_comparing(said: Understanding) -> Slot | None:
    if _PAIR.search(said.text):
        return None
    options = (
        len({v for item in said.items for v in (item.product, item.brand) if v}) + len(said.place) + len(said.time)
    )
    options += len(said.topics) if not said.items else 0
    return None if options > 1 else Slot.OTHER_OPTION


def _for_planning(said: Understanding) -> Slot | None:
    known = said.items or said.constraints or said.place or said.time or _OCCASION.search(compact(said.text))
    return None if known or len(compact(said.text)) > 2 * _RECENT_WORDS else Slot.OCCASION


def _for_informing(said: Understanding) -> Slot | None:
    known = said.items or said.constraints or said.place or said.topics
    return None if known or len(compact(said.text)) > _RECENT_WORDS else Slot.TOPIC


def _for_serving(said: Understanding) -> Slot | None:
    return None if said.topics or said.items or len(compact(said.text)) > _SHORTEST_REQUEST else Slot.ORDER


_SLOTS = {
    Intent.BUY_NOW: _for_buying, Intent.COMPARE: _for_comparing, Intent.PLAN: _for_planning,
    Intent.FIND_INFORMATION: _for_informing, Intent.SERVICE: _for_serving,
}  # fmt: skip
