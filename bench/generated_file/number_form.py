"""Draws columns of numbers in the forms of several countries and spreadsheets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa

from bench.generated_file.cell import Cell, Column


@dataclass(frozen=True)
class NumberForm:
    """How numbers are written as text. `currency` is written before or after the number, or not at all."""

    decimal: str = "."
    thousands: str = ""
    currency: tuple[str, ...] = ()
    negative: str = "minus"
    is_percent: bool = False
    has_fraction: bool = True

    @property
    def statement(self) -> dict[str, Any]:
        """The contract's property `numberFormat`; empty for plain numbers."""
        stated: dict[str, Any] = {}
        if self.decimal != ".":
            stated["decimal"] = self.decimal
        if self.thousands:
            stated["thousands"] = self.thousands
        if self.currency:
            stated["currency"] = list(self.currency)
        if self.negative != "minus":
            stated["negative"] = [self.negative]
        if self.is_percent:
            stated["percent"] = True
        return stated

    def write(self, value: Decimal, rng: Random) -> str:
        """Return a number as text."""
        shown = value * 100 if self.is_percent else value
        whole, _, fraction = f"{abs(shown):f}".partition(".")
        if self.thousands:
            whole = f"{int(whole):,}".replace(",", self.thousands)
        if not self.has_fraction and not fraction.strip("0"):
            fraction = ""
        text = whole + (self.decimal + fraction if fraction else "")
        if self.currency and rng.random() < 0.8:
            sign = rng.choice(self.currency)
            text = f"{sign}{text}" if len(sign) == 1 and rng.random() < 0.7 else f"{text} {sign}"
        if self.is_percent:
            text += "%"
        if value < 0:
            if self.negative == "parentheses":
                return f"({text})"
            return text + "-" if self.negative == "trailing" else "-" + text
        return text


PLAIN = NumberForm()
FORMS = (
    PLAIN,
    PLAIN,
    PLAIN,
    NumberForm(","),
    NumberForm(",", "."),
    NumberForm(".", ","),
    NumberForm(",", " "),
    NumberForm(".", "'"),
    NumberForm(".", ",", ("$", "USD")),
    NumberForm(".", ",", ("₩", "KRW", "원")),
    NumberForm(",", ".", ("€", "EUR")),
    NumberForm(".", ",", (), "parentheses"),
    NumberForm(".", "", (), "trailing"),
    NumberForm(".", "", (), "minus", True),
    NumberForm(",", ".", has_fraction=False),
    NumberForm(",", "", (), "minus", True),
)


def form_for(rng: Random, encoding: str) -> NumberForm:
    """Return a form whose signs the encoding can write."""
    while True:
        form = rng.choice(FORMS)
        try:
            "".join(form.currency).encode(encoding)
        except UnicodeEncodeError:
            continue
        return form


def _custom(form: NumberForm, is_stated: bool) -> dict[str, Any]:
    return {"numberFormat": form.statement} if form.statement and is_stated else {}


def decimal_column(rng: Random, name: str, encoding: str, *, is_stated: bool = True, is_plain: bool = False) -> Column:
    """Return a column of exact decimals; `is_stated` says whether the contract states their form."""
    form = PLAIN if is_plain else form_for(rng, encoding)
    scale = 4 if form.is_percent else 2
    size = rng.choice([10**4, 10**7, 10**9])

    def draw(rng: Random) -> Cell:
        value = Decimal(rng.randrange(-size // 5, size)).scaleb(-scale)
        if not form.is_percent and rng.random() < 0.1:
            # Round numbers: in a German export 1.000 is a thousand.
            value = Decimal(rng.randrange(1, 99) * 1000).quantize(value)
        text = form.write(value, rng)
        is_sound = is_stated or form.write(value, Random(0)) == f"{value:f}"
        number = f"{value:f}"
        token = number if form == PLAIN else json.dumps(text, ensure_ascii=False)
        return Cell((value,), text, token, value, is_sound=is_sound and (is_stated or text == number))

    return Column(
        name, "decimal", "plain" if form == PLAIN else json.dumps(form.statement, ensure_ascii=False), "number",
        f"decimal(14,{scale})", draw, custom=_custom(form, is_stated),
        arrow_type=pa.decimal128(14, scale), is_stated=is_stated,
    )  # fmt: skip


def integer_column(rng: Random, name: str, encoding: str, *, is_stated: bool = True, is_plain: bool = False) -> Column:
    """Return a column of integers, some with bounds that a few values break."""
    form = PLAIN if is_plain else form_for(rng, encoding)
    if form.is_percent:
        form = PLAIN
    size = rng.choice([10, 10**4, 10**6, 2**40])
    is_bounded = rng.random() < 0.4

    def draw(rng: Random) -> Cell:
        value = rng.randrange(0 if is_bounded else -size // 5, size)
        if size > 10**5 and rng.random() < 0.1:
            value = rng.randrange(1, 99) * 1000
        if is_bounded and rng.random() < 0.02:
            value = size + rng.randrange(1, 100)
        text = form.write(Decimal(value), rng)
        number = str(value)
        token = number if form == PLAIN else json.dumps(text, ensure_ascii=False)
        is_allowed = not is_bounded or value <= size
        return Cell(
            (value,) if is_allowed else (), text, token, value, is_sound=is_allowed and (is_stated or text == number)
        )

    return Column(
        name, "integer", "plain" if form == PLAIN else json.dumps(form.statement, ensure_ascii=False), "integer",
        "bigint", draw, options={"minimum": 0, "maximum": size} if is_bounded else {},
        custom=_custom(form, is_stated), arrow_type=pa.int64(), is_stated=is_stated,
    )  # fmt: skip


def double_column(rng: Random, name: str) -> Column:
    """Return a column of binary numbers, written so that they can be read back exactly."""

    def draw(rng: Random) -> Cell:
        value = rng.choice([rng.uniform(-1e3, 1e3), rng.random() * 10 ** rng.randint(-8, 12), float(rng.randint(0, 9))])
        return Cell((value,), repr(value), repr(value), value)

    return Column(name, "double", "plain", "number", "double", draw, arrow_type=pa.float64())
