"""Finds words of the lexicons, and runs of nouns, among the morphemes of a text."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.span import Span
from agent_serving.understanding.vocabulary import compact, vocabulary

_MOST_TOKENS = 6
"""Morphemes of the longest word of a lexicon."""


def matches(text: str, tokens: Sequence[Token], words: Container[str]) -> Iterator[Span]:
    """Yield the longest matches of words at the borders of morphemes."""
    i = 0
    while i < len(tokens):
        for j in range(min(i + _MOST_TOKENS, len(tokens)), i, -1):
            start, end = tokens[i].start, tokens[j - 1].end
            if compact(text[start:end]) in words:
                yield Span(start, end, "word", text[start:end])
                i = j - 1
                break
        i += 1


_VERBS = frozenset({"VV", "VA", "XSV", "XSA"})
_KINDS = frozenset({"식", "산", "용", "형", "제", "맛", "향"})
"""Endings of words that name a kind, also where the analyser takes them for other nouns: 가열식."""


@dataclass(frozen=True)
class Unit:
    """The part of one written word that belongs to a run of nouns.

    Attributes:
        start, end: its characters.
        key: its compact text.
        is_head: whether it is a product, or a compound that ends with one.
        role: `kind`, `sort`, `never`; empty for a word that is in no lexicon of modifiers.
        is_unknown: whether the dictionary of the analyser lacks one of its morphemes.
    """

    start: int
    end: int
    key: str
    is_head: bool
    role: str
    is_unknown: bool = False


def noun_runs(text: str, tokens: Sequence[Token], taken: Sequence[Span]) -> Iterator[list[Unit]]:
    """Yield runs of nouns that only spaces separate; a particle, an ending, a comma or a taken span ends a run."""
    run: list[Unit] = []
    word: list[Token] = []
    for token in tokens:
        is_taken = any(span.start < token.end and token.start < span.end for span in taken)
        # Figures belong to a name that they follow: 오메가3, 플스5.
        is_figure = token.tag == "SN" and bool(word) and word[-1].end == token.start
        is_kind = token.form in _KINDS and bool(word) and word[-1].end == token.start
        is_part = not is_taken and (token.is_noun or is_figure or is_kind or _is_known(text, token))
        if word and (not is_part or word[-1].end != token.start):
            run.append(_unit(text, word))
            word = []
        if is_part:
            word.append(token)
        elif run:
            if token.start == run[-1].end and token.tag in _VERBS:  # 물빠짐, 포장하다
                run[-1] = replace(run[-1], is_head=False, role="never")
            yield run
            run = []
    if word:
        run.append(_unit(text, word))
    if run:
        yield run


def _is_known(text: str, token: Token) -> bool:
    # Adjectives that name a kind (매운) and nouns that the analyser took for adverbs or interjections (떡).
    key = compact(text[token.start : token.end])
    return token.tag in {"MAG", "IC", "MM", "NR", "VA"} and (
        key in vocabulary().products and len(key) == token.end - token.start
    )


def _unit(text: str, word: Sequence[Token]) -> Unit:
    start, end = word[0].start, word[-1].end
    key = compact(text[start:end])
    return Unit(
        start, end, key, _is_head(key, word), vocabulary().modifiers.get(key, ""), not all(t.is_known for t in word)
    )


def _is_head(key: str, word: Sequence[Token]) -> bool:
    products = vocabulary().products
    if key in products:
        return True
    if key in vocabulary().modifiers:
        return False
    # A compound ends with the noun that names the kind: "호밀빵", "블루투스이어폰".
    last = word[-1].form
    is_unknown = not word[-1].is_known and len(key) > 1
    last = last[-1] if is_unknown else last
    if (
        len(last) == 1
        and (len(word) > 1 or is_unknown)
        and last in products
        and last not in vocabulary().grammar("weak")
    ):
        return True
    weak, parts = vocabulary().grammar("weak"), vocabulary().grammar("part")
    if any(key[:-n] in products and key[-n:] in parts for n in range(1, len(key) - 1)):
        return True
    return any(key[-n:] in products and key[-n:] not in weak for n in range(len(key) - 1, 1, -1))
