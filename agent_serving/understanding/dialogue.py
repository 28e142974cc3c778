"""Reads a message in the light of the turn before it, and says which detail is missing."""

from __future__ import annotations

import re
from dataclasses import replace

from agent_serving.understanding.model import Constraints, Intent, Slot, Topic, Understanding, WantedItem
from agent_serving.understanding.vocabulary import compact

_DEICTIC = re.compile(
    r"그거|이거|저거|그것|이것|요거|고거|그걸|이걸|저걸|그건|이건|둘중|둘다|첫번째|두번째|세번째|아까|방금|다른거|다른건|더싼|더비싼|더저렴|더큰|더작은|말고|\bthat\b|\bit\b|\bthose\b|cheaper|another|それ|これ|那个|这个"
)
_CHEAPER = re.compile(r"더싼|더저렴|더싸|싼거|cheaper|安い|便宜")
_OCCASION = re.compile(
    r"생일|생신|돌잔치|백일|환갑|칠순|결혼|기념일|집들이|제사|차례|명절|추석|설|김장|캠핑|차박|소풍|피크닉|여행|벌초|모임|파티|생파|손님|초대|이사|퇴직|승진|입학|졸업|출산|병문안|신혼|혼수|자취|선물|답례|식단|일정|동선|순서|코스|데이트|외출|입대|군대|재료|레시피|만들|해먹|끓이|요리|차리|상차림|꾸미|베이킹|"
    r"gift|party|birthday|dinner|picnic|trip|プレゼント|お土産|パーティー|礼物|聚会|生日"
)
_CHEAPEST = re.compile(r"(?:제일|가장|젤|최고로|더|좀)\s?(?:싼|싸|저렴)|최저가|cheap(?:est|er)|lowest price|安い|便宜")
_ITS = re.compile(
    r"거기|그매장|그곳|그가게|전화번호|번호알려|연락처|위치|찾아가|overthere|gothere|getthere|phonenumber|そこ|电话|電話|那里"
)
"""Words that ask for a detail of the place before."""
_HERE = re.compile(r"백화점|여기|오늘|전체|본점|이건물|today|here|departmentstore|ここ|今日|今天|这里")
_REFUSED = re.compile(r"\s?(?:은|는|을|를)?\s?(?:말고|빼고|제외|아닌)|以外|じゃなく|以外的|除外")
_REFUSED_BEFORE = re.compile(
    r"(?:\bnot|\bno|except|other than|instead of|不要|除了)\s?(?:a |the |an )?$", re.IGNORECASE
)
_ABOUT_ITEM = frozenset({Topic.OPENING_HOURS, Topic.FLOOR, Topic.RECOMMENDATION})
"""Topics of a message that may still be about the product or shop before."""
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
    said = _without_refused(said)
    if _is_detail(said, previous, short):
        return replace(_with_items(said, previous.items), place=previous.place)
    if previous.intent is Intent.PLAN and _is_addition(said, short):
        items = previous.items or said.items
        text = f"{previous.text} {said.text}".strip()
        return replace(_with_items(said, items), intent=Intent.PLAN, text=text)
    if said.items or not previous.items:
        return said
    is_pointing = _DEICTIC.search(said.text.casefold()) and _ABOUT_ITEM.issuperset(said.topics)
    is_pointing = is_pointing and (Topic.OPENING_HOURS not in said.topics or _has_shop(previous))
    is_short = len(short) <= _RECENT_WORDS and not (said.topics or said.place)
    if _DEICTIC.search(short) or is_pointing or is_short:
        cheaper = _CHEAPER.search(short)
        items = tuple(replace(i, price_max=_below(i)) if cheaper else i for i in previous.items)
        return replace(_with_items(said, items), constraints=said.constraints or previous.constraints)
    return said


def remember_limits(said: Understanding, previous: Understanding | None) -> Understanding:
    """Return the message with the allergies and faiths of the turns before, because they last."""
    if previous is None:
        return said
    now, before = said.constraints, previous.constraints
    allergies, faiths = (
        tuple(dict.fromkeys((*old, *new)))
        for old, new in ((before.allergies, now.allergies), (before.faiths, now.faiths))
    )
    return replace(said, constraints=Constraints(allergies, faiths, now.diets))


def wants_cheapest(text: str) -> bool:
    """Return whether a message asks for the cheapest products, or for cheaper ones."""
    return _CHEAPEST.search(text.casefold()) is not None


def is_refused(item: WantedItem, text: str) -> bool:
    """Return whether a message names an item as the one that is not wanted: "넥타이 말고 다른 거"."""
    name = item.product or item.brand or ""
    at = text.find(name) if name else -1
    if at < 0:
        return False
    return bool(_REFUSED.match(text, at + len(name)) or _REFUSED_BEFORE.search(text[:at]))


def _without_refused(said: Understanding) -> Understanding:
    """Return the message without its products if it wants none of them."""
    is_named = any(item.product or item.brand for item in said.items)
    wanted = [item for item in said.items if not is_refused(item, said.text)]
    return replace(said, items=()) if is_named and not wanted else said


def _is_detail(said: Understanding, previous: Understanding, short: str) -> bool:
    """Return whether a message asks for a detail of the shop or facility that the turn before was about."""
    if said.items or said.place or not (previous.place or previous.items) or not _ABOUT_ITEM.issuperset(said.topics):
        return False
    if Topic.OPENING_HOURS in said.topics and not _has_shop(previous):
        return False
    if _ITS.search(short):
        return True
    is_short = len(short) <= _RECENT_WORDS and Topic.OPENING_HOURS in said.topics
    return is_short and previous.intent is Intent.FIND_INFORMATION and not _HERE.search(short)


def _has_shop(said: Understanding) -> bool:
    return bool(said.place) or any(item.brand for item in said.items)


def _is_addition(said: Understanding, short: str) -> bool:
    """Return whether a message only adds to a plan, such as a budget or a refusal: "예산 20만원이야", "홍삼 빼고"."""
    is_named = any(item.product or item.brand for item in said.items)
    is_long = len(short) > 2 * _RECENT_WORDS
    return any(map(str.isalnum, short)) and not (is_named or said.place or said.topics or is_long)


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
    if _PAIR.search(said.text) or (said.items and wants_cheapest(said.text)):
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
