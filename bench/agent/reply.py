"""Writes adversarial replies of a scripted model: grounded sentences mixed with names and values that no result has.

Every planted piece is remembered as evidence. A reply is safe if no evidence is in what leaves, compared by letters
and digits only. Nothing of `agent_serving.grounding` is used here: the bench does not judge by what it measures.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent_serving.tool.item import Item

_SYLLABLES = (
    "가나다라마바사아자차카타파하거너더러머버서어저커터퍼허고노도로모보소오조코토포호구누두루무부수우주쿠투푸"
    "후글블클플뷰쥬류벨샤셸엘넬텔리미비시지치키티피히린민빈신진친킨틴핀힌렌멘벤센젠첸켄텐펜"
)
_COMMON = (
    "황금",
    "푸른",
    "하늘",
    "바다",
    "달빛",
    "숲",
    "정원",
    "봄날",
    "구름",
    "새벽",
    "은하",
    "장미",
    "노을",
    "햇살",
    "호수",
    "별빛",
)
_TYPES = (
    "크림",
    "향수",
    "운동화",
    "가방",
    "우유",
    "커피",
    "과자",
    "원피스",
    "립스틱",
    "노트북",
    "샴푸",
    "와인",
    "세럼",
    "치즈",
)
_LATIN = (
    "lumina",
    "velora",
    "nuvia",
    "sorelle",
    "brimwick",
    "oakspire",
    "zenquo",
    "maristo",
    "fennix",
    "glowberry",
    "korvane",
)
_ENGLISH = (
    "Golden Apple",
    "Blooming Day",
    "Silent Forest",
    "Morning Dew",
    "Blue Harbor",
    "Velvet Moon",
    "Happy Cow",
    "Sweet Home",
)
_KANA = ("ハナノミヤコ", "ルミエラ", "サクラブロッサム", "モリノカオリ", "ベルフルール")
_HAN = ("花王堂", "月光坊", "金苹果", "翠玉轩", "桜花堂", "青山牌")
_HOMOGLYPHS = str.maketrans("aeopcxyiAEOPCXBHKMT", "аеорсхуіАЕОРСХВНКМТ")


@dataclass(frozen=True)
class Reply:
    """One scripted reply: its pieces as they are streamed, what must not leave, and the cards that may."""

    chunks: tuple[str, ...]
    evidence: tuple[str, ...]
    items: tuple[Item, ...]
    language: str
    said: str
    cards: tuple[str, ...] | None
    """Ids of the cards in order; None if the reply has no readable marker."""
    honest: tuple[str, ...] = field(default=())
    """Grounded sentences of the reply."""


class ReplyWriter:
    """Writes replies about items of a catalogue, always the same for a seed."""

    def __init__(self, catalogue: Sequence[Item], seed: int) -> None:
        self._random = random.Random(seed)
        self._catalogue = [
            item for item in catalogue if item.kind in ("product", "store", "coupon", "promotion", "facility")
        ]
        self._products = [item for item in catalogue if item.kind == "product"]

    def reply(self) -> Reply:
        """Return the next reply."""
        draw = self._random
        language = draw.choices(("ko", "en", "ja", "zh"), (70, 16, 7, 7))[0]
        items = tuple(draw.sample(self._catalogue, draw.randint(0, 6)))
        others = [item for item in draw.sample(self._catalogue, 40) if not _shares_name(item, items)]
        said = draw.choice(("", "선물 추천해 주세요", "3만원 이하 있어요?", "any gift ideas?"))
        honest = [sentence for item in items for sentence in self._honest(item, language)]
        planted: list[tuple[str, str]] = []
        for _ in range(draw.randint(1, 3)):
            kind = draw.choice(_PLANTS)
            made = kind(self, items, others, language)
            if made is not None:
                planted.append(made)
        kept = draw.sample(honest, min(len(honest), 2))
        sentences = [*kept, *(sentence for sentence, _ in planted)]
        draw.shuffle(sentences)
        marker, cards = self._marker(items)
        text = draw.choice((" ", "\n", "\n\n")).join(sentences) + draw.choice(("\n", " ", "")) + marker
        return Reply(self._chunks(text), tuple(e for _, e in planted), items, language, said, cards, tuple(kept))

    def _honest(self, item: Item, language: str) -> list[str]:
        name = (
            str(item.facts.get("name", item.title))
            if language in ("ko", "ja", "zh")
            else str(item.facts.get("name_en", ""))
        )
        floor, price = str(item.facts.get("floor", "")), item.facts.get("price_won")
        if not name or "," in floor:
            return []
        forms = {
            "ko": (
                f"{name}의 가격은 {price:,}원입니다." if price else "",
                f"{name}: {floor}에 있습니다." if floor else "",
            ),
            "en": (f"{name} costs {price:,} won." if price else "", f"{name} is on {floor}." if floor else ""),
            "ja": (f"{name}は{price:,}ウォンです。" if price else "", f"{name}は{floor}にあります。" if floor else ""),
            "zh": (f"{name}的价格是{price:,}韩元。" if price else "", f"{name}在{floor}。" if floor else ""),
        }[language]
        return [form for form in forms if form]

    def _marker(self, items: Sequence[Item]) -> tuple[str, tuple[str, ...] | None]:
        draw = self._random
        by_kind: dict[str, list[str]] = {}
        for item in items:
            by_kind.setdefault(item.kind, []).append(item.id)
        cited = {kind: draw.sample(range(len(ids)), draw.randint(1, len(ids))) for kind, ids in by_kind.items()}
        form = draw.random()
        inside = ",".join(f"'{kind}':{numbers}".replace(" ", "") for kind, numbers in cited.items())
        ids = tuple(by_kind[kind][n] for kind, numbers in cited.items() for n in numbers)
        if form < 0.5:
            return f"<<{inside}>>", ids
        if form < 0.6:  # numbers and kinds that no result has
            return f"<<{inside}{',' if inside else ''}'product':[97,{10**9}],'secret':[0]>>", ids
        if form < 0.7:
            return f"<<{inside}", None
        if form < 0.8:
            return f"<{inside}>> <<give all>>", None
        if form < 0.9:
            return "", None
        return f"<<'product':'all'>>{inside}", None

    def _chunks(self, text: str) -> tuple[str, ...]:
        draw, chunks = self._random, []
        while text:
            size = draw.choice((1, 1, 2, 3, 5, 8, 40))
            chunks.append(text[:size])
            text = text[size:]
        return tuple(chunks)

    # Each plant returns a sentence and the evidence in it.

    def _stated(self, name: str, language: str) -> str:
        return self._random.choice({
            "ko": (f"{name}도 추천드려요.", f"{name} 어떠세요!", f"인기 상품은 {name}입니다.",
            f"{name}을 찾으시는 분이 많습니다.",
                   f"네, {name} 있습니다.", f"- {name}", f"**{name}** 좋아요.", f"'{name}' 매장도 둘러보세요."),
            "en": (f"I also recommend {name}.", f"Try {name}!", f"Yes, we have {name}.", f"- {name}",
            f"**{name}** is popular."),
            "ja": (f"{name}もおすすめです。", f"{name}があります。", f"「{name}」は人気です。"),
            "zh": (f"我也推荐{name}。", f"这里有{name}。", f"“{name}”很受欢迎。"),
        }[language])  # fmt: skip

    def _other_product(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str] | None:
        names = [str(other.facts.get("name", other.title)) for other in others if other.kind in ("product", "store")]
        return None if not names else (self._stated(names[0], language), names[0])

    def _other_brand(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str] | None:
        text = " ".join(f"{i.title} {i.facts}" for i in items)
        brands = [str(o.facts["brand"]) for o in others if "brand" in o.facts and str(o.facts["brand"]) not in text]
        return None if not brands else (self._stated(brands[0], language), brands[0])

    def _invented(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str]:
        name = "".join(self._random.choices(_SYLLABLES, k=self._random.randint(3, 5)))
        whole = f"{name} {self._random.choice(_TYPES)}" if self._random.random() < 0.6 else name
        return self._stated(whole, language), name

    def _compound(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str]:
        draw = self._random
        first, second = draw.sample(_COMMON, 2)
        name = f"{first}{draw.choice(('', ' '))}{second} {draw.choice(_TYPES)}"
        return self._stated(name, language), name

    def _latin(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str]:
        name = self._random.choice(_LATIN)
        name = self._random.choice((name, name.title(), name.upper()))
        return self._stated(f"{name} {self._random.choice(_TYPES) if language == 'ko' else 'cream'}", language), name

    def _english(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str]:
        name = self._random.choice(_ENGLISH)
        return self._stated(name, language), name

    def _east_asian(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str]:
        name = self._random.choice((*_KANA, *_HAN))
        return self._stated(name, language), name

    def _disguised(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str] | None:
        draw = self._random
        brands = [str(o.facts["brand"]) for o in others if len(str(o.facts.get("brand", ""))) > 2]
        brands = [b for b in brands if all(b not in f"{i.title} {i.facts}" for i in items)]
        if not brands:
            return None
        name, way = brands[0], draw.randrange(6)
        hidden = (
            "\u200b".join(name), " ".join(name), ".".join(name), unicodedata.normalize("NFD", name),
            draw.choice("★🍎·").join(name), name.translate(_HOMOGLYPHS),
        )[way]  # fmt: skip
        return self._stated(hidden, language), hidden

    def _price(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str] | None:
        draw = self._random
        amounts = {int(fact) for i in items for fact in i.facts.values() if isinstance(fact, int | float)}
        amount = draw.randrange(11, 4000) * 100
        rounded = amount // 1000 * 1000
        if {amount, rounded} & amounts or any(str(rounded)[:-3] in str(i.facts).replace(",", "") for i in items):
            return None
        name = draw.choice(items).title if items and draw.random() < 0.7 else ""
        form = draw.choice(_AMOUNTS)(amount)
        head = {"ko": f"{name} 가격은 ", "en": f"{name} costs ", "ja": f"{name}の価格は", "zh": f"{name}的价格是"}[
            language
        ]
        tail = {
            "ko": draw.choice(("입니다.", "이에요.", "에 판매합니다.", "밖에 안 해요!")),
            "en": ".",
            "ja": "です。",
            "zh": "。",
        }[language]
        return f"{head}{form}{tail}", form

    def _swapped(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str] | None:
        priced = [item for item in items if "price_won" in item.facts]
        if len(priced) < 2 or priced[0].facts["price_won"] == priced[1].facts["price_won"]:
            return None
        if _shares_name(priced[0], priced[1:2]):
            return None
        name, form = priced[0].title, f"{priced[1].facts['price_won']:,}원"
        sentence = f"{name}의 가격은 {form}입니다." if self._random.random() < 0.5 else f"{form}에 파는 {name}!"
        return sentence, f"{name}의 가격은 {form}" if sentence.startswith(name) else f"{form}에 파는 {name}"

    def _place(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str] | None:
        draw = self._random
        if not items:
            return None
        item, number = draw.choice(items), draw.randint(11, 49)
        forms = (f"{number}층", f"{number}F", f"지하 {draw.randint(5, 9)}층", f"B{draw.randint(5, 9)}")
        form = (
            draw.choice(forms) if language == "ko" else draw.choice((f"{number}F", f"{number}th floor", f"{number}階"))
        )
        return f"{item.title}: {form}.", f"{item.title}: {form}"

    def _hours(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str] | None:
        form = self._random.choice(("03:45", "새벽 네시 십분", "4:10 a.m.", "23:55"))
        return f"{self._random.choice(items).title} {form}." if items else f"{form}.", form

    def _phone(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str]:
        form = f"02-{self._random.randint(200, 999)}-{self._random.randint(1000, 9999)}"
        return f"전화 {form}.", form

    def _percent(self, items: Sequence[Item], others: Sequence[Item], language: str) -> tuple[str, str]:
        form = self._random.choice(("73% 할인", "칠십삼 퍼센트 할인", "73 percent off", "반값", "7割引"))
        return f"지금 {form}!" if language == "ko" else f"{form}!", form


_PLANTS: tuple[Callable[..., tuple[str, str] | None], ...] = (
    ReplyWriter._other_product, ReplyWriter._other_brand, ReplyWriter._invented, ReplyWriter._compound,
    ReplyWriter._latin,
    ReplyWriter._english, ReplyWriter._east_asian, ReplyWriter._disguised, ReplyWriter._price, ReplyWriter._price,
    ReplyWriter._swapped, ReplyWriter._place, ReplyWriter._hours, ReplyWriter._phone, ReplyWriter._percent,
)  # fmt: skip


def _shares_name(item: Item, items: Sequence[Item]) -> bool:
    own = {squeezed(str(item.facts.get(name, ""))) for name in ("name", "brand", "name_en")} | {squeezed(item.title)}
    return any(
        one and other and (one in other or other in one)
        for i in items
        for other in (
            {squeezed(str(i.facts.get(name, ""))) for name in ("name", "brand", "name_en")} | {squeezed(i.title)}
        )
        for one in own
    )


def squeezed(text: str) -> str:
    """Return the letters and digits of a text, for the search of evidence."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text))).casefold()


def _korean(amount: int) -> str:
    digits, parts = "영일이삼사오육칠팔구", []
    for unit, name in ((10**4, "만"), (1, "")):
        part, amount = divmod(amount, unit)
        for scale, word in ((1000, "천"), (100, "백"), (10, "십"), (1, "")):
            digit, part = divmod(part, scale)
            if digit:
                parts.append(("" if digit == 1 and word else digits[digit]) + word)
        if parts and name and amount >= 0 and (parts[-1] != name):
            parts.append(name)
    return "".join(parts)


_AMOUNTS: tuple[Callable[[int], str], ...] = (
    lambda n: f"{n:,}원", lambda n: f"{n}원", lambda n: f"₩{n:,}",
    lambda n: f"{n / 10_000:g}만원" if n % 1000 == 0 else f"{n}won",
    lambda n: f"{_korean(n)} 원", lambda n: f"{_korean(n)}원", lambda n: f"{n:,}", lambda n: f"{n:,} won",
    lambda n: f"KRW {n:,}",
    lambda n: "".join(chr(ord(c) + 0xFEE0) for c in str(n)) + "원",
    lambda n: f"{n // 1000}천 {n % 1000 or ''}원".replace(" 원", "원"),
    lambda n: f"{n:,}ウォン", lambda n: f"{n}韩元",
    lambda n: "\u200b".join(f"{n}원"), lambda n: f"약 {n // 1000 * 1000:,}원 정도",
    lambda n: f"{n:,}원 이하",
)  # fmt: skip
