"""Finds the entities of English, Japanese and Chinese messages by words of the lexicons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from agent_serving.understanding.model import Language
from agent_serving.understanding.span import Span, free_of
from agent_serving.understanding.vocabulary import read_lexicon, vocabulary

_WON = r"(?:won|krw|ウォン|韩元|韓元|원|₩)"
_AMOUNT = re.compile(
    rf"(?P<before>under|below|less than|up to|within|at most|max(?:imum)?|over|above|more than|at least|from|₩|不超过|低于)?\s*₩?(?P<number>\d[\d,]*(?:\.\d+)?)\s?(?P<scale>k\b|thousand|万|萬|千)?\s?(?P<won>{_WON})"
    r"(?P<after>\s?(?:以下|以内|以内で|まで|以上|から|之内|以下的|左右|くらい|or less|or more))?",
    re.IGNORECASE,
)
_SCALES = {"k": 1000, "thousand": 1000, "千": 1000, "万": 10_000, "萬": 10_000}
_MORE = re.compile(r"over|above|more|at least|from|以上|から", re.IGNORECASE)
_FLOOR = re.compile(r"\b(?:B\d|\d{1,2}F|\d{1,2}(?:st|nd|rd|th)\s+floor|floor\s+\d{1,2}|basement)\b|(?:地下)?\d{1,2}\s?(?:階|楼|层)|地下", re.IGNORECASE)
_PLACE = re.compile(
    r"\b(?:restrooms?|toilets?|bathrooms?|parking(?: lot)?|food (?:court|hall)|information desk|help desk|customer (?:center|service)|lockers?|elevators?|escalators?|nursing room|prayer room|smoking (?:area|room)|lounge|atm|pharmacy|tax refund (?:desk|counter)|[A-Z][a-z]+ branch)\b"
    r"|トイレ|駐車場|フードコート|食品館|案内所|ロッカー|エレベーター|授乳室|免税カウンター|[一-鿿]{2,4}店|洗手间|厕所|停车场|美食广场|服务台|寄存处|电梯|母婴室|退税处"
)
_TIME = re.compile(
    r"\b(?:today|tonight|tomorrow(?: (?:morning|evening|afternoon))?|now|this (?:week|weekend|evening|month)|next (?:week|month)|weekends?|weekdays?|(?:mon|tues|wednes|thurs|fri|satur|sun)days?(?: (?:morning|evening|afternoon|night))?|christmas|\d{1,2}\s?(?:am|pm)|\d{1,2}:\d{2})\b"
    r"|今日|明日|明後日|今週末?|来週|週末|平日|[月火水木金土日]曜日|今晩|今天|明天|后天|周末|下周|本周|星期[一二三四五六日天]|周[一二三四五六日]|\d{1,2}[時点](?:半|\d{1,2}分)?",
    re.IGNORECASE,
)
_NUMBERS = {"a pair of": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "dozen": 12, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5}
_QUANTITY = re.compile(
    rf"\b(?P<english>{'|'.join(k for k in _NUMBERS if k.isascii())}|\d{{1,3}})\s+(?=(?:bottles?|boxes|box|packs?|pieces?|pairs?|cans?|bags?|sets?|of|[a-z]+s)\b)(?!(?:days?|hours?|minutes?|people|persons?|years?|floors?|stars?|weeks?|months?)\b)"
    r"|(?P<asian>\d{1,3}|[一二两三四五])\s?(?:個|つ|本|箱|袋|枚|足|个|瓶|盒|包|件|双|条|支)(?!月)",
    re.IGNORECASE,
)
_AVOIDED = re.compile(
    r"allerg|without|no |free|can(?:no|')t (?:eat|have)|don't eat|avoid|intoleran|アレルギー|抜き|なし|食べられ|過敏|过敏|不能吃|不含|不吃", re.IGNORECASE
)


@lru_cache(maxsize=1)
def _products() -> Mapping[str, str]:
    return {str(word).casefold(): korean for korean, words in read_lexicon("foreign").items() for word in words}


@lru_cache(maxsize=2)
def _word_pattern(kind: str) -> re.Pattern[str]:
    words = _products() if kind == "product" else {w for w, group in vocabulary().brands.items() if w.isascii() and len(w) > 1} | _ENGLISH_BRANDS
    ascii_words = sorted((re.escape(w) for w in words if w.isascii()), key=len, reverse=True)
    others = sorted((re.escape(w) for w in words if not w.isascii()), key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(ascii_words)})\b" + (f"|{'|'.join(others)}" if others else ""), re.IGNORECASE)


_ENGLISH_BRANDS = frozenset(
    ["nike", "adidas", "new balance", "puma", "converse", "uniqlo", "zara", "gucci", "chanel", "prada", "dior", "hermes", "louis vuitton", "burberry", "cartier", "tiffany", "rolex", "apple", "samsung", "sony", "dyson", "lego", "starbucks", "sulwhasoo", "laneige", "innisfree", "hera", "the north face", "north face", "lululemon", "gentle monster", "shake shack", "paris baguette", "estee lauder", "lancome", "kiehl's", "clinique", "jo malone", "diptyque", "aesop", "le creuset", "muji", "ikea", "philips", "nintendo", "levi's", "polo", "coach", "ナイキ", "アディダス", "シャネル", "グッチ", "プラダ", "ディオール", "ルイヴィトン", "エルメス", "雪花秀", "ソルファス", "イニスフリー", "ラネージュ", "スターバックス", "スタバ", "ユニクロ", "ザラ", "レゴ", "ソニー", "サムスン", "耐克", "阿迪达斯", "香奈儿", "古驰", "迪奥", "爱马仕", "路易威登", "兰芝", "星巴克", "优衣库", "乐高", "三星", "苹果手机"]
)


def foreign_spans(text: str, language: Language) -> list[Span]:
    """Return the entities of a text that is not Korean. A product or brand keeps the word of the text."""
    spans = list(_prices(text))
    for kind, pattern in (("place", _FLOOR), ("place", _PLACE), ("time", _TIME)):
        spans += free_of([Span(m.start(), m.end(), kind, m.group().strip()) for m in pattern.finditer(text)], spans)
    spans += free_of(_constraints(text), spans)
    for kind in ("brand", "product"):
        words = [Span(m.start(), m.end(), kind, m.group()) for m in _word_pattern(kind).finditer(text)]
        spans += free_of(words, spans)
    quantities = []
    for found in _QUANTITY.finditer(text):
        word = (found["english"] or found["asian"]).casefold()
        quantities.append(Span(found.start(), found.end(), "quantity", _NUMBERS.get(word) or int(word)))
    return spans + free_of(quantities, spans)


def korean_word(word: str) -> str | None:
    """Return the Korean word for a product of another language; None if the lexicon has none."""
    return _products().get(word.casefold())


def _prices(text: str) -> Iterator[Span]:
    for found in _AMOUNT.finditer(text):
        scale = _SCALES.get((found["scale"] or "").casefold(), 1)
        won = round(float(found["number"].replace(",", "")) * scale)
        is_least = _MORE.search(f"{found['before'] or ''} {found['after'] or ''}")
        yield Span(found.start(), found.end(), "price_min" if is_least else "price_max", won)


def _constraints(text: str) -> list[Span]:
    found = []
    is_avoiding = _AVOIDED.search(text) is not None
    for word, meanings in vocabulary().constraints.items():
        border = r"\b" if word.isascii() else ""
        if re.search("[가-힣]", word):
            continue
        for match in re.finditer(border + re.escape(word).replace("\\-", "[- ]?") + border, text, re.IGNORECASE):
            for kind, code in meanings:
                if kind != "allergy" or (is_avoiding and _is_near(text, match)):
                    found.append(Span(match.start(), match.end(), kind, code))
    return found


def _is_near(text: str, match: re.Match[str]) -> bool:
    return _AVOIDED.search(text[max(0, match.start() - 30) : match.end() + 25]) is not None


