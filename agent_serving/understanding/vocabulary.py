"""Reads the lexicons (`lexicon/*.yaml`) once and looks words up in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

import yaml


def compact(text: str) -> str:
    """Return a text without spaces in lower case: the form in which words are compared.

    >>> compact("Apple  Watch")
    'applewatch'
    """
    return "".join(text.split()).casefold()


def read_lexicon(name: str) -> Mapping[str, Any]:
    """Return the document of one lexicon file."""
    text = (files(__package__) / "lexicon" / f"{name}.yaml").read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return found


def words_of(block: str) -> Iterator[str]:
    """Yield the words of a comma-separated block."""
    return (word.strip() for word in block.split(",") if word.strip())


class Vocabulary:
    """The words of all lexicons, in compact form."""

    @cached_property
    def products(self) -> Mapping[str, str]:
        """Nouns of products with their department."""
        return {compact(w): name for name, block in read_lexicon("product").items() for w in words_of(block)}

    @cached_property
    def brands(self) -> Mapping[str, str]:
        """Brands with their department; `ambiguous` for those that are ordinary words as well."""
        return {compact(w): name for name, block in read_lexicon("brand").items() for w in words_of(block)}

    @cached_property
    def modifiers(self) -> Mapping[str, str]:
        """Words before a product: `kind`, `sort` or `never`."""
        # A word that names a kind does so before a product, although it may be said without one.
        blocks = sorted(read_lexicon("modifier").items(), key=lambda row: row[0] != "never")
        return {compact(w): name for name, block in blocks for w in words_of(block)}

    @cached_property
    def places(self) -> Mapping[str, str]:
        """Facilities, areas and stems of branch names."""
        return {compact(w): name for name, block in read_lexicon("place").items() for w in words_of(block)}

    @cached_property
    def _grammar(self) -> Mapping[str, str]:
        return read_lexicon("grammar")

    @cached_property
    def _word_sets(self) -> Mapping[str, frozenset[str]]:
        return {name: frozenset(compact(w) for w in words_of(block)) for name, block in self._grammar.items()}

    def grammar(self, name: str) -> frozenset[str]:
        """Return a set of words of the grammar of product phrases."""
        return self._word_sets[name]

    def block(self, name: str) -> str:
        """Return an entry of that grammar as it is written: words, or a regular expression."""
        return self._grammar[name]

    @cached_property
    def constraints(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """For each word the constraints that it may mean, as (type, code)."""
        found: dict[str, tuple[tuple[str, str], ...]] = {}
        for kind, codes in read_lexicon("constraint").items():
            for code, block in codes.items():
                for word in words_of(block):
                    found[compact(word)] = (*found.get(compact(word), ()), (kind, code))
        return found


@lru_cache(maxsize=1)
def vocabulary() -> Vocabulary:
    """Return the vocabulary of this process."""
    return Vocabulary()


def pattern(name: str) -> str:
    """Return a regular expression of `lexicon/pattern.yaml`."""
    return str(_patterns()[name])


@lru_cache(maxsize=1)
def _patterns() -> Mapping[str, Any]:
    return read_lexicon("pattern")
