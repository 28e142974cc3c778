"""Reads the condition of a read, such as `age_band = '45-54' and order_count >= 3`, and checks it against the contract.

A condition is a small part of SQL: comparisons of columns with values or columns of the same type, BETWEEN, IN, LIKE,
IS NULL, AND, OR, NOT and parentheses. It is rebuilt from its syntax tree: a subquery, a function or any other
expression is refused, so nothing but the rows of the read is evaluated. Every error is raised before a row is read.

No message contains text of the condition, because messages are logged and values may be personal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import TypeAlias

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from privacy.access.errors import AccessRefused
from privacy.contract.document import Document

MOST_CHARACTERS = 10_000
_FORM = (
    "expected comparisons of columns with values, BETWEEN, IN (values), LIKE, IS NULL, joined by AND, OR, NOT, "
    "such as age_band = '45-54' and order_count >= 3"
)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_KINDS = {
    "string": "text", "boolean": "boolean", "date": "date", "timestamp_ntz": "time", "timestamp": "time",
    "tinyint": "integer", "smallint": "integer", "int": "integer", "bigint": "integer",
    "float": "number", "double": "number", "decimal": "decimal",
}  # fmt: skip
_VALUES = {
    "text": "text in single quotes",
    "boolean": "TRUE or FALSE",
    "date": "a date in single quotes, such as '2017-03-01'",
    "time": "a date or time in single quotes, such as '2017-03-01 09:30:00', in the shop's wall time",
    "integer": "a number",
    "number": "a number",
    "decimal": "a number",
}
_LARGEST = Decimal(10) ** 30
_Literal: TypeAlias = exp.Literal | exp.Boolean


@dataclass(frozen=True)
class RowCondition:
    """A checked condition on the rows of one table. `columns` are those that it names, in the contract's order."""

    columns: tuple[str, ...]
    expression: exp.Expr

    def sql(self, dialect: str) -> str:
        """Return the condition as SQL of DuckDB (`duckdb`) or of Spark (`spark`). Both select the same rows."""
        return self.expression.sql(dialect=dialect, comments=False)

    def __repr__(self) -> str:
        """Return only the columns, because the values may be personal."""
        return f"RowCondition(columns={self.columns})"


def read_condition(document: Document, where: str | None, customer: str | None) -> RowCondition | None:
    """Return the condition of a read; None when neither a text nor a customer is given.

    Args:
        document: the contract of the table.
        where: the condition as text.
        customer: the value that the table's subject key must have.

    Raises:
        AccessRefused: the text is no such condition, names a column that the table lacks, or compares a column with a
            value of another type; or the table holds no persons.
    """
    checker, given = _Checker(document), []
    try:
        if where is not None:
            given.append(checker.predicate(_parse(where)))
        if customer is not None:
            given.append(checker.predicate(_is_customer(document, customer)))
        if not given:
            return None
        tree = exp.and_(*given)
        tree.sql()
    except RecursionError:
        raise AccessRefused("The condition is nested too deeply; write it with fewer parts.") from None
    named = {column.name for column in tree.find_all(exp.Column)}
    return RowCondition(tuple(column.name for column in document.columns if column.name in named), tree)


def _is_customer(document: Document, customer: str) -> exp.Expression:
    if document.subject_key is None:
        raise AccessRefused(f"{document.table} holds no persons, so no customer can be selected; use a condition.")
    return exp.EQ(this=exp.column(document.subject_key), expression=_text(customer))


def _parse(text: str) -> exp.Expression:
    if len(text) > MOST_CHARACTERS:
        raise AccessRefused(f"The condition has {len(text)} characters; expected at most {MOST_CHARACTERS}.")
    try:
        # As a whole statement: of `a = 1; b` or `a = 1 limit 3`, a parser of expressions would read the start only.
        select = sqlglot.parse_one(f"SELECT 1 FROM t WHERE ({text}\n)")
    except SqlglotError:
        # Without the cause, whose message quotes the text.
        raise AccessRefused(f"The condition cannot be read as SQL; {_FORM}.") from None
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    rebuilt = exp.select("1").from_("t").where(where.this) if where is not None else None
    if where is None or rebuilt != select:
        raise AccessRefused(f"The condition is more than a condition; {_FORM}.")
    found: exp.Expression = where.this
    return found


class _Checker:
    """Rebuilds a syntax tree from the forms that a condition may have; refuses every other form."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.columns = {column.name: column for column in document.columns}

    def predicate(self, node: exp.Expression) -> exp.Expression:
        """Return the checked copy of an expression that is true or false."""
        if isinstance(node, exp.Paren):
            return exp.paren(self.predicate(node.this), copy=False)
        if isinstance(node, exp.Not):
            return exp.Not(this=exp.paren(self.predicate(node.this), copy=False))
        if isinstance(node, exp.And | exp.Or):
            return type(node)(this=self.predicate(node.this), expression=self.predicate(node.expression))
        if isinstance(node, _COMPARISONS):
            return type(node)(**self._operands(this=node.this, expression=node.expression))
        if isinstance(node, exp.Between) and not node.args.get("symmetric"):
            return exp.Between(**self._operands(this=node.this, low=node.args["low"], high=node.args["high"]))
        if isinstance(node, exp.In):
            return self._in(node)
        if isinstance(node, exp.Like):
            return self._like(node)
        if isinstance(node, exp.Is):
            return self._is(node)
        if isinstance(node, exp.Column) and self._kind(node) == "boolean":
            return self._column(node)
        raise AccessRefused(f"The condition has a part that is not allowed; {_FORM}.")

    def _operands(self, **nodes: exp.Expression) -> dict[str, exp.Expression]:
        """Return the checked operands of a comparison. At least one is a column; all have its type."""
        columns = [node for node in nodes.values() if isinstance(node, exp.Column)]
        if not columns:
            raise AccessRefused(f"The condition compares no column; {_FORM}.")
        kinds = {self._kind(column) for column in columns}
        first = self.columns[self._name(columns[0])]
        if len(kinds) > 1 and not kinds <= {"integer", "number", "decimal"}:
            names = ", ".join(self._name(column) for column in columns)
            raise AccessRefused(f"The condition compares columns of different types: {names}.")
        return {
            key: self._column(node) if isinstance(node, exp.Column) else self._value(node, first.name, first.spark_type)
            for key, node in nodes.items()
        }

    def _in(self, node: exp.In) -> exp.Expression:
        values = node.args.get("expressions") or []
        extra = {key for key, value in node.args.items() if value and key not in ("this", "expressions")}
        if extra or not values or not isinstance(node.this, exp.Column):
            raise AccessRefused(f"IN needs a column and a list of values; {_FORM}.")
        column = self.columns[self._name(node.this)]
        listed = [self._value(value, column.name, column.spark_type) for value in values]
        return exp.In(this=self._column(node.this), expressions=listed)

    def _like(self, node: exp.Like) -> exp.Expression:
        pattern = node.expression
        if not isinstance(node.this, exp.Column) or self._kind(node.this) != "text" or not _is_text(pattern):
            raise AccessRefused("LIKE needs a text column and a pattern in single quotes, such as city like 'Seo%'.")
        if "\\" in pattern.name:
            raise AccessRefused("A pattern of LIKE has no backslash; % stands for any text, _ for one character.")
        return exp.Like(this=self._column(node.this), expression=_text(pattern.name))

    def _is(self, node: exp.Is) -> exp.Expression:
        if not isinstance(node.this, exp.Column) or not isinstance(node.expression, exp.Null):
            raise AccessRefused("IS needs a column and NULL, such as age_band is not null.")
        return exp.Is(this=self._column(node.this), expression=exp.Null())

    def _name(self, node: exp.Column) -> str:
        if node.table or node.name not in self.columns:
            close = get_close_matches(node.name, list(self.columns), n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; its columns are {', '.join(self.columns)}."
            raise AccessRefused(
                f"The condition names something that is no column of {self.document.table}. "
                f"Put text values in single quotes{hint}"
            )
        return node.name

    def _kind(self, node: exp.Column) -> str:
        column = self.columns[self._name(node)]
        kind = _KINDS.get(column.spark_type.partition("(")[0])
        if kind is None:
            raise AccessRefused(f"{column.name} has the type {column.spark_type}, which a condition cannot compare.")
        return kind

    def _column(self, node: exp.Column) -> exp.Column:
        return exp.column(self._name(node), quoted=True)

    def _value(self, node: exp.Expression, name: str, spark_type: str) -> exp.Expression:
        """Return a value as a literal of the column's type."""
        kind = _KINDS[spark_type.partition("(")[0]]
        literal = _literal(node)
        if isinstance(literal, exp.Null):
            raise AccessRefused(f"{name} is compared with NULL; write {name} is null, or is not null.")
        made = None if literal is None else _MAKERS[kind](literal, spark_type)
        if made is None:
            raise AccessRefused(f"{name} ({spark_type}) is compared with a value of another type; {_expected(kind)}.")
        return made


def _expected(kind: str) -> str:
    return f"expected {_VALUES[kind]}"


def _literal(node: exp.Expression) -> exp.Literal | exp.Boolean | exp.Null | None:
    """Return the literal that a node is: also -1, DATE '2017-03-01' and TIMESTAMP '…'; None for another node."""
    if isinstance(node, exp.Paren):
        return _literal(node.this)
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return exp.Literal(this=f"-{node.this.name}", is_string=False)
    if isinstance(node, exp.Cast) and _is_text(node.this):
        is_time = node.to.this in (exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP)
        return exp.Literal.string(node.this.name) if is_time else None
    return node if isinstance(node, exp.Literal | exp.Boolean | exp.Null) else None


def _is_text(node: exp.Expression) -> bool:
    return isinstance(node, exp.Literal) and node.is_string


def _text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def _make_text(literal: _Literal, _: str) -> exp.Expression | None:
    return _text(literal.name) if _is_text(literal) else None


def _make_boolean(literal: _Literal, _: str) -> exp.Expression | None:
    return exp.Boolean(this=literal.this) if isinstance(literal, exp.Boolean) else None


def _make_date(literal: _Literal, _: str) -> exp.Expression | None:
    if not _is_text(literal):
        return None
    try:
        day = date.fromisoformat(literal.name)
    except ValueError:
        return None
    return exp.cast(_text(day.isoformat()), "DATE")


def _make_time(literal: _Literal, _: str) -> exp.Expression | None:
    if not _is_text(literal):
        return None
    try:
        moment = datetime.fromisoformat(literal.name)
    except ValueError:
        return None
    if moment.tzinfo is not None:
        return None
    return exp.cast(_text(moment.isoformat(" ", "microseconds")), exp.DataType.Type.TIMESTAMPNTZ)


def _number(literal: _Literal) -> Decimal | None:
    if isinstance(literal, exp.Boolean) or literal.is_string:
        return None
    try:
        number = Decimal(literal.name)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < _LARGEST else None


def _make_integer(literal: _Literal, spark_type: str) -> exp.Expression | None:
    number = _number(literal)
    if number is None or number != number.to_integral_value():
        return _make_double(literal, spark_type)
    return exp.cast(_text(str(int(number))), "DECIMAL(38, 0)") if abs(number) >= 2**63 else _digits(str(int(number)))


def _make_double(literal: _Literal, _: str) -> exp.Expression | None:
    number = _number(literal)
    return None if number is None else exp.cast(_text(repr(float(number))), "DOUBLE")


def _make_decimal(literal: _Literal, spark_type: str) -> exp.Expression | None:
    number = _number(literal)
    if number is None:
        return None
    precision, _, scale = spark_type.partition("(")[2].rstrip(")").partition(",")
    places = Decimal(1).scaleb(-int(scale or 0))
    if number != number.quantize(places) or abs(number) >= Decimal(10) ** (int(precision or 10) - int(scale or 0)):
        # More digits than the column holds: compared as floating-point numbers.
        return _make_double(literal, spark_type)
    return exp.cast(_text(str(number.quantize(places))), f"DECIMAL({precision or 10}, {int(scale or 0)})")


def _digits(text: str) -> exp.Expression:
    return exp.Literal(this=text, is_string=False)


_MAKERS: dict[str, Callable[[_Literal, str], exp.Expression | None]] = {
    "text": _make_text,
    "boolean": _make_boolean,
    "date": _make_date,
    "time": _make_time,
    "integer": _make_integer,
    "number": _make_double,
    "decimal": _make_decimal,
}
