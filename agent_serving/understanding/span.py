"""A part of a message with its meaning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """The characters `start` to `end` of a message mean `value` of `kind` (product, brand, quantity, price_max, …)."""

    start: int
    end: int
    kind: str
    value: str | int

    def overlaps(self, other: Span) -> bool:
        """Whether the two share a character."""
        return self.start < other.end and other.start < self.end


def free_of(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return the spans that share no character with those of `taken`."""
    held = list(taken)
    return [span for span in spans if not any(span.overlaps(other) for other in held)]
