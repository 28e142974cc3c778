"""Values of tables and lists on a page: numbers, days, links and withheld values, each shown the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from agent_serving.web.page import Pages
from privacy.rights.wording import Language, Wording


@dataclass(frozen=True)
class Link:
    """A text that leads to a page of the console. `address` is ours, its parts quoted by the caller."""

    text: Any
    address: str


@dataclass(frozen=True)
class Withheld:
    """A value that is not shown, with the reason in the words of a page."""

    reason: Wording


@dataclass(frozen=True)
class State:
    """A word with a colour: good, bad, warn or plain."""

    text: Wording
    kind: str = "plain"


@dataclass(frozen=True)
class Share:
    """A part of one, shown as a percentage with one decimal."""

    value: float | None


class Formatter:
    """Formats values in one language."""

    def __init__(self, language: Language, pages: Pages) -> None:
        self._language, self._pages = language, pages

    def cell(self, value: Any) -> Markup:
        """Return a value as HTML. Texts are escaped; null is a dash."""
        if value is None or value == "":
            return Markup('<span class="none">–</span>')
        match value:
            case Markup():
                return value
            case Wording():
                return escape(value.text(self._language))
            case Link():
                return Markup('<a href="{}">{}</a>').format(value.address, self.cell(value.text))
            case Withheld():
                label = "비공개" if self._language == "ko" else "withheld"
                return Markup('<span class="withheld">{}</span> <small>{}</small>').format(
                    label, value.reason.text(self._language)
                )
            case State():
                kind = "" if value.kind == "plain" else f" {value.kind}"
                return Markup('<span class="state{}">{}</span>').format(kind, value.text.text(self._language))
            case Share():
                return self.cell(None) if value.value is None else escape(f"{value.value:.1%}")
            case bool():
                return escape({"en": ("no", "yes"), "ko": ("아니요", "예")}[self._language][value])
            case int() | float() | Decimal():
                return escape(self.number(value))
            case datetime():
                return escape(self._pages.moment(value, self._language))
            case date():
                return escape(self._pages.day(value, self._language))
            case list() | tuple():
                return Markup(", ").join(self.cell(one) for one in value)
        return escape(str(value))

    def number(self, value: float | Decimal | None, digits: int = 2) -> str:
        """Return a number with separators of thousands and at most `digits` decimals.

        >>> Formatter("en", Pages.__new__(Pages)).number(1234.5), Formatter("en", Pages.__new__(Pages)).number(7.0)
        ('1,234.5', '7')
        """
        if value is None:
            return "–"
        text = f"{value:,.{digits}f}" if not isinstance(value, int) else f"{value:,}"
        return text.rstrip("0").rstrip(".") if "." in text else text


def is_number(values: Sequence[Any]) -> bool:
    """Return whether a column holds numbers, which stand at the right."""
    found = [value for value in values if value is not None and not isinstance(value, Withheld)]
    return bool(found) and all(isinstance(v, int | float | Decimal | Share) and not isinstance(v, bool) for v in found)


def prose(text: str) -> Markup:
    """Return a sentence for a page; what stands between back quotes is a command.

    >>> prose("Run `bojagi run` & wait.")
    Markup('Run <code>bojagi run</code> &amp; wait.')
    """
    parts = text.split("`")
    pairs = [Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts)]
    return Markup("").join(pairs)
