"""Checks one sentence of an answer against the items of its turn."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable

from agent_serving.grounding.marker import RESIDUE
from agent_serving.grounding.source import Mention, Sources
from agent_serving.grounding.value import Value, read_values
from agent_serving.grounding.word import NAME, VALUE, unknown_words

_CLAUSE = re.compile(
    r"(?<!\d)[,、，;·/](?!\d)|(?<=\D)[,、，;](?=\s)|(?:고|며|지만|는데|와|과|랑|하고|및)\s|\b(?:and|but|while|whereas)\b"
)
_ALL = re.compile(r"모두|둘 다|전부|각각|\b(?:both|all|each)\b|全て|すべて|どちらも|都|均")
_NO = re.compile(
    r"없|못|않|아니|아닙|불가|모르|\b(?:not|no|none|unable|cannot|sorry|unfortunately|couldn't|can't|don't|doesn't)\b|n't\b"
    r"|ません|ない|なし|没|無|无|未|不",
    re.IGNORECASE,
)
_QUOTED = re.compile(
    r"""["“”«»「」『』]([^"“”«»「」『』]{2,60})["“”«»「」『』]|['‘’]([^'‘’]{2,60})['‘’](?![a-z])|\*\*?([^*]{2,60})\*\*?|`([^`]{2,60})`|_([^_]{2,60})_"""
)
_LETTER = r"[^\W\d_\ue000\ue001]"
# Signs inside a word, and letters that stand alone between signs or spaces, may hide a name: 설.화.수, 나 이 키.
_SIGN = re.compile(rf"(?<={_LETTER})[^\w\s,.!?:;()\[\]{{}}'\"“”‘’「」『』&/·~+*\ue000\ue001-]+(?={_LETTER})")
_GAP = r"[\s.·*~_|/-]{1,2}"
_SPACED = re.compile(
    rf"(?<![^\W_])(?<![\ue000\ue001])[가-힣](?:{_GAP}[가-힣](?![가-힣])){{1,12}}(?:{_GAP}[가-힣]{{2,6}})?"
)
_LATIN_SPACED = re.compile(r"(?<![A-Za-z0-9])[A-Za-z](?:[^\w\s'’]{1,3}[A-Za-z](?![A-Za-z]))+")
_DISGUISE = re.compile(r"[ㄱ-ㅊㅌㅍㅏ-ㅟㅡㅢㅣ]|[\u0300-\u036f]")
_ADDRESS = re.compile(r"https?:|www\.|\b[\w-]+\.(?:com|net|org|kr|jp|cn|io|shop|example)\b", re.IGNORECASE)


class SentenceCheck:
    """Checks the sentences of one answer in their order: a value belongs to the item that was named last.

    Args:
        sources: what the items support.
        language: of the answer.
        has_other_name: returns whether a text has a registered name that no item of the turn has; None: not looked up.
        has_personal_data: returns whether a text has personal data; None: not looked for.
    """

    def __init__(
        self,
        sources: Sources,
        language: str,
        has_other_name: Callable[[str], bool] | None = None,
        has_personal_data: Callable[[str], bool] | None = None,
    ) -> None:
        self._sources, self._language = sources, language
        self._has_other_name, self._has_personal_data = has_other_name, has_personal_data
        self._last = frozenset(range(sources.size))

    def faults(self, sentence: str) -> tuple[str, ...]:
        """Return why a sentence is not grounded: `marker`, `name`, `personal_data`, or the kinds of its wrong values.

        Empty if it is grounded. Then its last name is the one to which a later value belongs.
        """
        text = unicodedata.normalize("NFKC", sentence)
        mentions = self._sources.mentions(text)
        values = [v for v in read_values(_blanked(text, mentions)) if text[v.start : v.end].strip()]
        found = [v.kind.value for v in self._wrong_values(text, mentions, values)]
        if RESIDUE.search(sentence) or RESIDUE.search(text):
            found.append("marker")
        if _ADDRESS.search(_blanked(text, mentions)):
            found.append("address")
        if self._has_unknown_name(text, mentions, values):
            found.append("name")
        if self._has_personal_data is not None and self._has_personal_data(sentence):
            found.append("personal_data")
        if not found and (named := [m.items for m in mentions if m.items]):
            self._last = named[-1] if len(named) == 1 else frozenset().union(*named)
        return tuple(dict.fromkeys(found))

    def _has_unknown_name(self, text: str, mentions: list[Mention], values: list[Value]) -> bool:
        sources = self._sources
        may_echo = text.rstrip().endswith(("?", "？")) or _NO.search(text) is not None

        def is_known(words: str) -> bool:
            return sources.has_words(words) or (may_echo and sources.was_said(words))

        if sources.has_words(text) and _DISGUISE.search(text) is None:
            return False  # word for word a part of a fact
        replaced = _replaced(text, mentions, values)
        if _DISGUISE.search(replaced):
            return True
        for match in _QUOTED.finditer(text):
            words = next(filter(None, match.groups()))
            if not is_known(words) and not _is_covered(
                words, match.start() + text[match.start() :].index(words), mentions
            ):
                return True
        forms = tuple(dict.fromkeys((replaced, _joined(replaced))))
        if self._has_other_name is not None and not may_echo and any(map(self._has_other_name, forms)):
            return True
        # Common nouns that the customer said may be repeated anywhere, names only in a question or a denial.
        return any(
            not (sources.was_said(word) and " " in word and not may_echo and self._is_common(word))
            for form in forms
            for word in unknown_words(form, self._language, is_known)
        )

    def _is_common(self, words: str) -> bool:
        return not any(True for word in words.split() for _ in unknown_words(word, self._language, lambda _: False))

    def _wrong_values(self, text: str, mentions: list[Mention], values: list[Value]) -> Iterable[Value]:
        if not values:
            return
        named = [mention for mention in mentions if mention.items]
        masked = _replaced(text, mentions, values, keeps_length=True)
        borders = [0, *(match.end() for match in _CLAUSE.finditer(masked)), len(text) + 1]
        for value in values:
            if _ALL.search(text) and named:
                groups = [mention.items for mention in named]
            else:
                groups = [self._owner(value, named, borders)]
            if not all(self._sources.supports(value, group, is_named=bool(named)) for group in groups):
                yield value

    def _owner(self, value: Value, named: list[Mention], borders: list[int]) -> frozenset[int]:
        """Return the items to which a value belongs: of its clause, else of the clauses before, else named last."""
        begin = max(border for border in borders if border <= value.start)
        end = min(border for border in borders if border > value.start)
        inside = [mention for mention in named if begin <= mention.start < end]
        before = [mention for mention in inside if mention.end <= value.start]
        if before:
            return before[-1].items
        if inside:
            return inside[0].items
        earlier = [mention for mention in named if mention.end <= value.start]
        if earlier:
            return earlier[-1].items
        return named[0].items if named else self._sources.related(self._last)


def _is_covered(words: str, start: int, mentions: list[Mention]) -> bool:
    return any(m.start <= start + 1 and m.end >= start + len(words.strip()) - 1 for m in mentions)


def _blanked(text: str, mentions: Iterable[Mention]) -> str:
    for mention in mentions:
        text = text[: mention.start] + "\0" * (mention.end - mention.start) + text[mention.end :]
    return text


def _replaced(text: str, mentions: list[Mention], values: list[Value], *, keeps_length: bool = False) -> str:
    """Return the text with a sign for each name and value."""
    spans = [(m.start, m.end, NAME) for m in mentions] + [(v.start, v.end, VALUE) for v in values]
    for start, end, sign in sorted(spans, reverse=True):
        text = text[:start] + (sign * (end - start) if keeps_length else sign) + text[end:]
    return text


def _joined(text: str) -> str:
    """Return the text without signs inside words, and with letters that stand alone joined to words."""
    text = _LATIN_SPACED.sub(lambda match: "".join(filter(str.isalpha, match[0])), text)
    return _SPACED.sub(lambda match: re.sub(r"[^\w]|_", "", match[0]), _SIGN.sub("", text))
