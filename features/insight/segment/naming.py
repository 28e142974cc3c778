"""Names a segment, in English and Korean, by the traits that distinguish it the most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from features.insight.segment.card import TraitFigure
from features.insight.segment.model import NO_ORDER
from features.insight.segment.trait import TRAITS, Words

LEAST_EFFECT = 0.25
"""Standard deviations from which a difference gives a name; about the "small" effect of J. Cohen (1988)."""
_WORDS_IN_NAME = 2
Name = tuple[str, str]


def name_segments(figures: Mapping[str, Sequence[TraitFigure]], taken: Iterable[Name] = ()) -> dict[str, Name]:
    """Return the English and the Korean name of each segment; no two are equal.

    Args:
        figures: the figures of each segment, the most distinguishing first; earlier segments choose first.
        taken: names that other segments have already.
    """
    names: dict[str, Name] = {}
    used = set(taken)
    for segment, own in figures.items():
        if segment == NO_ORDER:
            names[segment] = ("Not yet buying", "아직 구매 전인 고객")
            continue
        names[segment] = next(name for name in _names(segment, own) if name not in used)
        used.add(names[segment])
    return names


def _names(segment: str, figures: Sequence[TraitFigure]) -> Iterator[Name]:
    words = list(_words(figures))
    if not words:
        yield "Typical shoppers", "보통 고객"
    for count in range(min(_WORDS_IN_NAME, len(words)), len(words) + 1):
        for chosen in combinations(words, count) if count else ():
            yield _name(chosen)
    yield f"Typical shoppers {segment}", f"보통 고객 {segment}"


def _words(figures: Sequence[TraitFigure]) -> Iterator[Words]:
    """Yield the words of the distinguishing traits, strongest first."""
    traits = {trait.name: trait for trait in TRAITS}
    for figure in figures:
        trait = traits[figure.trait]
        words = trait.above if figure.effect > 0 else trait.below
        if words and figure.is_distinct and abs(figure.effect) >= LEAST_EFFECT:
            yield words


def _name(words: Sequence[Words]) -> Name:
    english, korean = ", ".join(one.english for one in words), " ".join(one.korean for one in words)
    return f"{english[0].upper()}{english[1:]} shoppers", f"{korean} 고객"
