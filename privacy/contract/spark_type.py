"""Parses Spark SQL type names such as `decimal(12,2)` and `array<struct<at:timestamp_ntz,step:string>>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SIMPLE = {
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double",
    "string", "binary", "date", "timestamp", "timestamp_ntz",
}  # fmt: skip
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*|\d+|[<>(),:])")
MAX_PRECISION = 38  # Spark's and Arrow's decimal128


@dataclass(frozen=True)
class SparkType:
    """A parsed type. `inner`: element types of array, map or struct; `fields`: field names of a struct."""

    name: str
    inner: tuple[SparkType, ...] = ()
    fields: tuple[str, ...] = ()
    precision: int = 0
    scale: int = 0


def parse_type(text: str) -> SparkType:
    """Return the parsed form of a Spark SQL type name, written in lower case as Spark prints it.

    >>> parse_type("decimal(12,2)").scale
    2

    Raises:
        ValueError: the text is not a valid type, or a type that Bojagi does not support.

    """
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"unexpected character {text[position]!r} in the type name")
        tokens.append(match[1])
        position = match.end()
    parser = _Parser(tokens)
    parsed = parser.parse()
    if parser.tokens:
        raise ValueError(f"unexpected {parser.tokens[0]!r} after the type; expected one type name")
    return parsed


class _Parser:
    """Recursive-descent parser; `tokens` holds the tokens that are not consumed yet."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def take(self, *expected: str) -> str:
        if not self.tokens:
            raise ValueError("the type name is incomplete; expected a closing bracket or another part")
        token = self.tokens.pop(0)
        if expected and token not in expected:
            raise ValueError(f"got {token!r}, expected {' or '.join(expected)}")
        return token

    def parse(self) -> SparkType:
        name = self.take()
        if name in _SIMPLE:
            return SparkType(name)
        if name == "decimal":
            return self.decimal()
        if name == "array":
            self.take("<")
            element = self.parse()
            self.take(">")
            return SparkType("array", (element,))
        if name == "map":
            self.take("<")
            key = self.parse()
            self.take(",")
            value = self.parse()
            self.take(">")
            return SparkType("map", (key, value))
        if name == "struct":
            return self.struct()
        raise ValueError(f"unknown type {name!r}; expected a Spark SQL type such as string or decimal(12,2)")

    def decimal(self) -> SparkType:
        self.take("(")
        precision = self.number()
        self.take(",")
        scale = self.number()
        self.take(")")
        if not 0 < precision <= MAX_PRECISION or scale > precision:
            limit = f"expected a precision of 1 to {MAX_PRECISION} and a scale up to the precision"
            raise ValueError(f"decimal({precision},{scale}) is out of range; {limit}")
        return SparkType("decimal", precision=precision, scale=scale)

    def number(self) -> int:
        token = self.take()
        if not token.isdigit():
            raise ValueError(f"got {token!r}, expected a number")
        return int(token)

    def struct(self) -> SparkType:
        names: list[str] = []
        inner: list[SparkType] = []
        separator = self.take("<")
        while separator != ">":
            names.append(self.take())
            self.take(":")
            inner.append(self.parse())
            separator = self.take(",", ">")
        return SparkType("struct", tuple(inner), tuple(names))
