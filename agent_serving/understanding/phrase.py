"""Finds words of the lexicons and noun phrases of products among the morphemes of a text."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import compact, vocabulary

_MOST_TOKENS = 6
"""Morphemes of the longest word of a lexicon."""


def matches(text: str, tokens: Sequence[Token], words: Container[str]) -> Iterator[tuple[int, int, Span]]:
    """Yield the longest matches of words at the borders of morphemes: index of the first, after the last, the span."""
    i = 0
    while i < len(tokens):
        for j in range(min(i + _MOST_TOKENS, len(tokens)), i, -1):
            start, end = tokens[i].start, tokens[j - 1].end
            if compact(text[start:end]) in words:
                yield i, j, Span(start, end, "word", text[start:end])
                i = j - 1
                break
        i += 1


@dataclass(frozen=True)
class Unit:
    """The part of one written word that belongs to a run of nouns."""

    start: int
    end: int
    text: str
    head: bool
    role: str
    """`kind`, `sort`, `never`, or empty for a word that is in no lexicon of modifiers."""


WEAK = frozenset(
    "전 차 게 마 공 진 볼 감 밤 파 무 배 회 백 팩 티 죽 국 탕 물 칩 립 김 굴 봄 잔 타 책 카드 공기 나물 기초 다운 스위치 우드 보드 그램 매트 대구 가지 조기 로봇 블록 조명 트리 시계 소품 조화 패드".split()
)
"""Products that are more often another word: they count beside a number, another product, or a word that names the kind."""


def product_spans(text: str, tokens: Sequence[Token], taken: Sequence[Span]) -> tuple[list[Span], list[Span]]:
    """Return the spans of products, and those of unknown nouns that may be products."""
    sure: list[Span] = []
    maybe: list[Span] = []
    for run in _runs(text, tokens, taken):
        pending: list[Unit] = []
        for at, unit in enumerate(run):
            if unit.role == "never" and not unit.head:
                maybe += _open(text, pending)
                pending = []
                continue
            pending.append(unit)
            following = run[at + 1] if at + 1 < len(run) else None
            if unit.head and not (following and _continues(unit, following)):
                sure.append(_phrase(text, pending))
                pending = []
        maybe += _open(text, pending)
    return sure, maybe


def _phrase(text: str, units: Sequence[Unit]) -> Span:
    return Span(units[0].start, units[-1].end, "product", text[units[0].start : units[-1].end])


def _open(text: str, pending: Sequence[Unit]) -> list[Span]:
    named = [u for u in pending if not u.role]
    return [_phrase(text, pending)] if named and len(compact(pending[-1].text)) > 1 else []


_JOINING = frozenset(
    "잼 주스 쥬스 케이크 케익 세트 라떼 아이스크림 빵 과자 차 즙 파이 타르트 소스 크림 청 식초 칩 쿠키 젤리 샐러드 피자 파스타 스테이크 구이 볶음 국 찌개 탕 죽 전 김치 장아찌 튀김 커버 케이스 거치대 충전기 필터 가방 지갑 벨트 "
    "바구니 선물세트 선물 스프 수프 소시지 만두 국수 냉면 카레 버터 오일 캔들 코트 자켓 재킷 패딩 조끼 셔츠 바지 치마 원피스 신발 부츠 장갑 모자 인형 매트 이불 베개 의자 테이블 선반 그릇 접시 컵 잔 냄비 팬 세제 티셔츠 니트 가디건 스카프 목도리 머플러 반지 목걸이 귀걸이 팔찌 시계 우유 요거트 치즈 음료 에이드 스무디 사탕 초콜릿 캔디 시럽 가루 통조림 캔 밀키트 불고기 갈비 "
    "용품 장난감 완구 책상 침대 매트리스 화장대 토너 로션 앰플 세럼 에센스 샴푸 비누 워시 미스트 팩 마스크팩 쿠션 파우더 립스틱 향수 디퓨저 스피커 이어폰 키보드 마우스 폰케이스 휴대폰케이스 텐트 의류 옷 신 굴비 회 초밥 김밥 와인 맥주 위스키 커피 원두 간식 사료".split()
)
"""Products that the noun before them describes: "딸기 잼" is one product, "딸기 우유" is a kind of milk."""


def _continues(unit: Unit, following: Unit) -> bool:
    joined = compact(unit.text + following.text)
    if joined in vocabulary().products or not unit.text:
        return True
    if not following.head:
        return False
    return compact(following.text) in _JOINING or compact(unit.text) in vocabulary().modifiers


def _runs(text: str, tokens: Sequence[Token], taken: Sequence[Span]) -> Iterator[list[Unit]]:
    run: list[Unit] = []
    word: list[Token] = []

    def close_word() -> None:
        if word:
            run.append(_unit(text, word))
            word.clear()

    for token in tokens:
        is_taken = any(span.start < token.end and token.start < span.end for span in taken)
        numeral = token.tag in {"SN", "SW"} and word and word[-1].end == token.start
        if is_taken or not (token.is_noun or numeral):
            close_word()
            # A space alone does not end a phrase; a particle, an ending or a comma does.
            if run:
                yield run
                run = []
            continue
        if word and word[-1].end != token.start:
            close_word()
        word.append(token)
    close_word()
    if run:
        yield run


def _unit(text: str, word: Sequence[Token]) -> Unit:
    start, end = word[0].start, word[-1].end
    shown = text[start:end]
    key = compact(shown)
    role = vocabulary().modifiers.get(key, "")
    return Unit(start, end, shown, _is_head(key, word, vocabulary().products), role)


def _is_head(key: str, word: Sequence[Token], products: Mapping[str, str]) -> bool:
    if key in products:
        return True
    # A compound ends with the noun that names the kind: "호밀빵", "블루투스이어폰".
    return any(key[-n:] in products for n in range(len(key) - 1, 1, -1)) or (
        len(key) > 2
        and len(word) > 1
        and len(word[-1].form) == 1
        and word[-1].form in products
        and word[-1].form not in WEAK
    )


_AVOID_AFTER = re.compile(
    r"\s?(?:류|쪽|성분|들)?\s?(?:에|에는|엔|한테)?\s?(?:알레르기|알러지|알레르기가|알러쥐|앨러지|두드러기|못\s?먹|안\s?먹|못\s?드|안\s?드|못\s?마|안\s?마|먹으면\s?(?:안|탈|배|큰일|두드러기)|들어가면\s?안|들어간\s?거\s?(?:말고|빼고|안)|"
    r"들어간\s?건?\s?(?:못|안|빼)|안\s?들어|안들|없는|없이|없이\s?만든|빼고|뺀|빠진|제외|피해|피하|못\s?먹는|불내증|무첨가|프리|free)"
)


def avoided_after(text: str, end: int) -> int | None:
    """Return where the words of avoidance end that follow position `end` (알레르기, 못 먹, 빼고, …); None if none follow."""
    found = re.compile(r"(?:이랑|랑|하고|과|와|,|나|이나|은|는|이|가|을|를|도|만)?").match(text, end)
    after = _AVOID_AFTER.match(text, found.end() if found else end)
    return after.end() if after else None
