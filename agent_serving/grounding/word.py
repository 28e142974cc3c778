"""Finds words that may be names which no result has: invented brands, products and shops.

No list has all names, so the rule is the reverse: an answer consists of common words and of words of the
results. Korean words are common if the dictionary of Kiwi has them and they are no proper nouns, and several nouns in
a row only if one of them is a word of service (`vocabulary`). Words of other languages are common if `vocabulary` has
them. A sentence with any other word is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from itertools import pairwise

from agent_serving.understanding.morphology import Token, morphology
from agent_serving.understanding.vocabulary import vocabulary

NAME = "\ue000"
"""Stands for a name of the results in a text."""
VALUE = "\ue001"
"""Stands for a value in a text."""
_NAME_WORD, _VALUE_WORD = "Qzq", "1"
_NOUNS = frozenset({"NNG", "NNP", "XR", "XPN", "XSN", "SL", "SH", "W_HASHTAG", "W_URL", "W_EMAIL", "W_MENTION"})
_ADJECTIVE = "VA+ETM"
_RARE = -13.0
"""Score below which a noun is so rare at its place that it may be a name: 버나, 미수. Common ones have about -10."""
_RARE_ENDING = -15.0
"""Score below which an ending or a particle is none of an answer: 타지머, 지나머. The usual ones have more than -12."""
_RUN = _NOUNS | {_ADJECTIVE}
_BEFORE_WORD = " \n\t*-_([\"'“‘「:,."
_LETTERS = {
    "NNB": "B", "NR": "B", "NP": "P", "MM": "M", "MAG": "A", "MAJ": "A", "XSM": "A", "N": "N", "X": "N", "E": "E",
    "J": "J",
    "I": "I",
}  # fmt: skip
"""Noun, bound noun or number, pronoun, modifier, adverb, ending, particle, interjection."""
_WORD = re.compile(
    r"I|A+J*E*|M*B*J*(?:LE+)*J*|PJ*(?:LE+)*J*E*|N*B*J*(?:LE+)*J*E*"
    r"|A?N*(?:LE+)(?:[VL]E+)*B?J*(?:LE+)*J*E*|A?(?:[VL]E+)+B?J*(?:LE+)*J*E*"
)
"""Parts of speech of one word between spaces."""
_LATIN = re.compile(r"[A-Za-z\u00c0-\u024f][A-Za-z\u00c0-\u024f0-9'’&.+-]*")
_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]+")
_KATAKANA = re.compile(r"[\u30a0-\u30ff\u31f0-\u31ff]{2,}")
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff々]+")
_OTHER_SCRIPT = re.compile(
    r"[^\W\d_A-Za-z\u00aa\u00ba\u00c0-\u024f\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    r"\uf900-\ufaff々]+"
)
_LONGEST_WORD = 8


def unknown_words(text: str, language: str, is_known: Callable[[str], bool]) -> Iterator[str]:
    """Yield the words of a text that may be names without a source.

    Args:
        text: in NFKC, with `NAME` and `VALUE` for the names and values that were found.
        language: of the answer.
        is_known: returns whether the results have these words one after another.
    """
    yield from _OTHER_SCRIPT.findall(text.replace(NAME, " ").replace(VALUE, " "))
    bare = re.sub(f"[{NAME}{VALUE}]", " ", text)
    yield from (word for word in _latin_words(bare, language) if not is_known(word))
    yield from (word for word in _KATAKANA.findall(bare) if word not in _words("ja", "katakana") and not is_known(word))
    yield from (word for word in _han_words(bare, language) if not is_known(word))
    if language == "ko":
        yield from _korean_words(text, is_known)
    else:
        yield from (word for word in _HANGUL.findall(bare) if not is_known(word))


def is_common_english(word: str) -> bool:
    """Return whether a word is a common one of English. Only a capital letter marks it as a name."""
    return _is_english(word.casefold())


def warm_up() -> None:
    """Load the dictionary of Korean, which takes about a second, before the first answer."""
    morphology()


def _latin_words(text: str, language: str) -> Iterator[str]:
    begins = {match.end() for match in re.finditer(r"(?:^\s*|[.!?:]\s+|[\"'“‘(*-]\s*)", text)}
    for match in _LATIN.finditer(text):
        word = match[0].strip("'’.-+&")
        plain = word.casefold().replace("’", "'")
        if plain in _words("en", "abbreviations") or not word:
            continue
        if (
            language != "en"
            or not _is_english(plain)
            or (word[0].isupper() and match.start() not in begins and plain not in _words("en", "capitalised"))
        ):
            yield word


def _is_english(word: str) -> bool:
    words = _words("en", "words")
    if word in words or all(part in words for part in word.split("-")):
        return True
    stems = (word.removesuffix(ending) for ending in _words("en", "endings") if word.endswith(ending))
    return any(s in words or f"{s}e" in words or f"{s}y" in words or (len(s) > 2 and s[-1] == s[-2] and s[:-1] in words)
               for s in stems)  # fmt: skip


def _han_words(text: str, language: str) -> Iterator[str]:
    if language == "zh":
        words = _words("zh", "words")
        for run in _HAN.findall(text):
            yield from _not_covered(run, words)
        return
    words = _words("ja", "kanji") if language == "ja" else frozenset()
    for run in _HAN.findall(text):
        if run not in words:
            yield from _not_covered(run, words)


def _not_covered(run: str, words: frozenset[str]) -> Iterator[str]:
    """Yield a run of characters unless it is a sequence of the words."""
    reached = {0}
    for end in range(1, len(run) + 1):
        if any(
            end - size in reached and run[end - size : end] in words for size in range(1, min(_LONGEST_WORD, end) + 1)
        ):
            reached.add(end)
    if len(run) not in reached:
        yield run


def _korean_words(text: str, is_known: Callable[[str], bool]) -> Iterator[str]:
    readable = text.replace(NAME, _NAME_WORD).replace(VALUE, _VALUE_WORD)
    tokens = morphology().standard_tokens(readable)
    yield from (word for word in _odd_words(tokens, readable) if not is_known(word))
    run: list[Token] = []
    before: Token | None = None
    for token in (*_with_adjectives(tokens), None):
        if token is not None and token.tag in _RUN and (not run or token.start <= run[-1].end + 1):
            run.append(token)
            continue
        yield from _unknown_of_run(run, readable, is_known)
        if len(run) == 1 and (before is None or before.tag not in ("MM", "ETM")):
            yield from (word for word in (readable[run[0].start : run[0].end],) if _is_short_brand(word, is_known))
        before = token
        run = [token] if token is not None and token.tag in _RUN else []


def _odd_words(tokens: list[Token], text: str) -> Iterator[str]:
    """Yield the words whose parts do not fit together: an invented name that reads as scraps of other words."""
    word: list[Token] = []
    for token in (*tokens, None):
        if token is not None and token.tag[0] != "S" and (not word or token.start <= word[-1].end):
            word.append(token)
            continue
        if word:
            surface = text[word[0].start : word[-1].end]
            if _HANGUL.fullmatch(surface) and (_is_scrap(word, text) or not _WORD.fullmatch(_letters(word))):
                yield surface
        word = [token] if token is not None and token.tag[0] != "S" else []


def _is_scrap(word: list[Token], text: str) -> bool:
    """Return whether a word begins with what follows other words, ends like a sentence, or has a rare ending."""
    first, last = word[0], word[-1]
    if any(token.tag[0] in "EJ" and token.score < _RARE_ENDING for token in word):
        return True
    begins = first.start == 0 or text[first.start - 1] in _BEFORE_WORD
    if begins and (first.tag[0] in "EJ" or first.tag in ("VCP", "XSV", "XSA", "XSN")):
        return True
    return last.tag == "EF" and text[last.end :].lstrip(" ")[:1].isalpha()


def _letters(word: list[Token]) -> str:
    """Return the parts of speech of a word, one letter each, see `_LETTERS`; `?` for what no answer has there."""
    return "".join(_letter(token, before) for token, before in zip(word, (None, *word), strict=False))


def _letter(token: Token, before: Token | None) -> str:
    """Return a part of speech as one letter; `L` is a verb that is written together with nouns."""
    tag = token.tag
    if tag[0] == "V" or tag in ("XSV", "XSA"):
        if token.form == "말" and (before is None or before.form != "지"):
            return "?"
        if tag[:2] == "VX" and before is not None and before.tag[0] != "E":
            return "?"  # an auxiliary verb follows an ending
        is_light = (
            tag[:3] in ("XSV", "XSA", "VCP", "VCN") or tag[:2] == "VX" or token.form in _words("ko", "light_verbs")
        )
        return "L" if is_light else "V"
    if tag[0] == "J" and before is not None:
        # The short forms of 는 and 를 follow pronouns; after a noun they are a part of an unknown word.
        is_short = token.form in ("\u11ab", "\u11af") and before.tag not in ("NP", "NNB")
        is_rare = before.tag == "MAG" and before.form not in _words("ko", "adverbs")
        return "?" if is_short or is_rare or before.tag == "ETM" else "J"
    return _LETTERS.get(tag) or _LETTERS.get(tag[0], "?")


def _with_adjectives(tokens: list[Token]) -> Iterator[Token]:
    """Yield the tokens, with an adjective and its adnominal ending as one: a name may have it, such as 숲 푸른."""
    held: Token | None = None
    for token in tokens:
        if held is not None:
            is_adnominal = token.tag == "ETM"
            yield Token(held.form, _ADJECTIVE, held.start, token.end) if is_adnominal else held
            held = None
            if is_adnominal:
                continue
        if token.tag.startswith("VA"):
            held = token
            continue
        yield token
    if held is not None:
        yield held


def _unknown_of_run(run: list[Token], text: str, is_known: Callable[[str], bool]) -> Iterator[str]:
    """Yield the proper and unknown nouns of a run of nouns, and the pairs of nouns that no result has."""
    for token in run:
        surface = text[token.start : token.end]
        # Latin letters are checked by the rule of their own script.
        is_odd = token.tag != "SL" and (not token.is_known or token.tag in ("NNP", "SH") or token.score < _RARE)
        if is_odd and not _is_common(surface) and not is_known(surface):
            yield surface
    for first, second in pairwise(run):
        pair = (text[first.start : first.end], text[second.start : second.end])
        if (
            (first.tag == _ADJECTIVE != second.tag)
            or pair[1] in _words("ko", "suffixes")
            or pair[0] in _words("ko", "prefixes")
        ):
            continue
        if _serves(*pair, is_glued=first.end == second.start):
            continue
        words = text[first.start : second.end]
        if _NAME_WORD in pair:
            words = pair[1] if pair[0] == _NAME_WORD else pair[0]
        if words != _NAME_WORD and not is_known(words):
            yield words


def _serves(first: str, second: str, *, is_glued: bool) -> bool:
    """Return whether one of two nouns is a word of service. Written together, the other must be common in a shop."""
    service = _words("ko", "nouns")
    if is_glued:
        return (first in service and _is_common(second)) or (second in service and _is_common(first))
    return first in service or second in service


def _is_short_brand(word: str, is_known: Callable[[str], bool]) -> bool:
    """Return whether a word that stands alone is a brand of one syllable, such as 맥."""
    return len(word) == 1 and word in vocabulary().brands and not is_known(word)


def _is_common(surface: str) -> bool:
    known = vocabulary()
    return (
        surface == _NAME_WORD or surface in _words("ko", "nouns") or surface in _words("ko", "names")
        or surface in known.products or surface in known.places or surface in known.modifiers
    )  # fmt: skip


@cache
def _words(language: str, group: str) -> frozenset[str]:
    lines = json.loads(resources.files(f"{__package__}.vocabulary").joinpath(f"{language}.json").read_text("utf-8"))
    words = {word for line in lines[group] for word in line.split()}
    # In Japanese, kana divide a word into runs of characters.
    return frozenset(words | {run for word in words for run in _HAN.findall(word)})
