"""Finds prices: a limit (이하, 안쪽, 넘는, …), a range (에서, ~) or a bracket (5만원대)."""

from __future__ import annotations

import re

from agent_serving.understanding.number import sino_number
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import pattern

_PLAIN = r"\d[\d,]*(?:\.\d+)?"
_SINO = r"[일이삼사오육륙칠팔구십백천]"
_AMOUNT = pattern("amount")
# 원 that begins another word is no currency (원피스, 원두). 넌, 냥: playful forms.
_WON = r"\s?(?:원(?!피스|두|목|액|통|단|형|래|룸|데이|플|산|조|숭|앙|주)|넌|냥|won\b|krw\b)"
_START = r"(?<![가-힣\d,.])"

_LESS = pattern("price_most")
_MORE = pattern("price_least")
_BRACKET = r"대"
_JOIN = r"\s?(?:[~-]|\u2013|에서|부터|서|이랑|하고)\s?"
_PARTICLE = r"(?:짜리|정도|쯤|가량|선|돈|어치|으로|로|을|를|은|는|이|도|만|보다)?\s?(?:이|은|는|을|를|으로|로)?\s?"

_RANGE = re.compile(
    rf"{_START}(?P<low>{_AMOUNT})(?P<low_won>{_WON})?(?:대)?{_JOIN}(?P<high>{_AMOUNT})(?P<won>{_WON})?(?P<bracket>대)?",
    re.IGNORECASE,
)
_APPROXIMATE_RANGE = re.compile(
    rf"{_START}(?P<pair>일이|이삼|삼사|사오|오륙|육칠|칠팔|팔구)(?P<unit>[십백천]?만|천)(?P<won>{_WON})"
)
_SINGLE = re.compile(
    rf"{_START}(?P<amount>{_AMOUNT})(?P<won>{_WON})?(?P<bracket>\s?대(?![가-힣]{{2}})(?:\s?[초중후]반)?)?(?P<particle>{_PARTICLE})"
    rf"(?:(?P<less>{_LESS})|(?P<more>{_MORE}))?",
    re.IGNORECASE,
)
_NO_PRICE = re.compile(pattern("no_price"))
"""Words after an amount that make it something else than the price of a product."""
_LEAST_PRICE = 100


def find_prices(text: str) -> list[Span]:
    """Return the price limits of a text as spans of `price_min` and `price_max`."""
    spans: list[Span] = []
    for found in _RANGE.finditer(text):
        spans += _range(found)
    for found in _APPROXIMATE_RANGE.finditer(text):
        low, high = (sino_number(digit + found["unit"]) or 0 for digit in found["pair"])
        spans += [Span(*found.span(), "price_min", low), Span(*found.span(), "price_max", high)]
    taken = list(spans)
    for found in _SINGLE.finditer(text):
        single = _single(found, text)
        if not any(span.overlaps(other) for span in single for other in taken):
            spans += single
    return spans


def _range(found: re.Match[str]) -> list[Span]:
    high_text, low_text = found["high"].strip(), found["low"].strip()
    if not found["won"] and "만" not in high_text:
        return []
    high = sino_number(high_text)
    # "3~5만원": the unit of the second number holds for the first.
    unit = re.search(r"[십백천]?만$|[백천]$", re.sub(r"\s", "", high_text))
    if unit and not found["low_won"] and re.fullmatch(rf"{_PLAIN}|{_SINO}", low_text):
        low_text += unit.group()
    low = sino_number(low_text)
    if low is None or high is None or not _LEAST_PRICE <= low < high:
        return []
    if found["bracket"]:
        high += _step(high) - 1
    return [Span(*found.span(), "price_min", low), Span(*found.span(), "price_max", high)]


def _single(found: re.Match[str], text: str) -> list[Span]:
    word = found["amount"]
    amount = sino_number(word)
    limited = (
        found["less"] or found["more"] or found["bracket"] or re.match("짜리|정도|쯤|안팎|내외|선", found["particle"])
    )
    has_unit = "만" in word or "천" in word
    limited = limited or (word.strip()[-1] == "만" and not text[found.end() :].strip(" .!?~ㅋㅎ"))
    if amount is None or amount < _LEAST_PRICE or not (found["won"] or (has_unit and limited and _is_sure(word))):
        return []
    if _NO_PRICE.match(text, found.end("won") if found["won"] else found.end("amount")):
        return []
    start = found.start()
    end = max(found.end(name) for name in ("amount", "won", "bracket", "less", "more") if found[name])
    if found["bracket"]:
        return [Span(start, end, "price_min", amount), Span(start, end, "price_max", amount + _step(amount) - 1)]
    return [Span(start, end, "price_min" if found["more"] else "price_max", amount)]


def _is_sure(word: str) -> bool:
    # "이만", "천" and "만" alone are also ordinary words.
    return any(c.isdigit() for c in word) or len(word.strip()) > 2 or word in {"삼만", "오만", "십만", "백만"}


def _step(amount: int) -> int:
    """Return the width of the bracket that an amount opens: 50,000 → 10,000, 15,000 → 1,000, 100,000 → 100,000.

    >>> [_step(n) for n in (50_000, 15_000, 100_000, 120_000, 5_000)]
    [10000, 1000, 100000, 10000, 1000]
    """
    step = 1
    while amount % (step * 10) == 0:
        step *= 10
    return step
