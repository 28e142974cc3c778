"""Reads questions in SQL: one SELECT over one table, without anything that cannot be bounded.

    SELECT sido, COUNT(*), AVG(CLAMP(amount, 0, 200)) FROM gold.order_history
    WHERE channel = 'web' GROUP BY sido

COUNT(*), COUNT(DISTINCT <unit>); SUM, AVG, VARIANCE (of the population), MEDIAN and PERCENTILE(…, p) over
CLAMP(column, lower, upper).
Filters compare a column with a literal and are joined by AND. Keys have public values (`keys`) or are private.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from privacy.dp.errors import BadQuestion

_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
}
_MIRRORED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_AGGREGATES: dict[type[exp.Expr], str] = {exp.Sum: "sum", exp.Avg: "mean", exp.Variance: "variance"}
# Every other clause of a SELECT is refused: HAVING, DISTINCT, windows, hints, and clauses that SQL may add later.
_ALLOWED_CLAUSES = {"kind", "expressions", "from_", "from", "where", "group", "limit", "order"}


def parse_sql(text: str, *, unit: str, keys: Mapping[str, Sequence[str | int]] | None = None) -> dict[str, Any]:
    """Return a question as plain data (dataset, statistics, group_by, measure, where, top), without purpose and ρ.

    Args:
        text: one SELECT.
        unit: the privacy unit's column.
        keys: public values of the columns in GROUP BY; a column without an entry gets private keys.

    Raises:
        BadQuestion: names what is refused and the reason.
    """
    select = _only_select(text)
    form: dict[str, Any] = {"dataset": _table(select), "unit": unit}
    statistics: list[str] = []
    grouped = [_column(node, "GROUP BY") for node in _listed(select.args.get("group"))]
    for projected in select.expressions:
        node = projected.unalias()
        if isinstance(node, exp.Column):
            if _column(node, "SELECT") not in grouped:
                raise BadQuestion(f"{node.sql()} is neither aggregated nor in GROUP BY; answers never contain rows")
            continue
        statistics.append(_statistic(node, unit, form))
    form["statistics"] = tuple(dict.fromkeys(statistics))
    form["group_by"] = tuple(
        {"column": name, "values": tuple((keys or {})[name])}
        if name in (keys or {})
        else {"column": name, "private": True}
        for name in grouped
    )
    where = select.args.get("where")
    form["where"] = tuple(_conditions(where.this)) if where is not None else ()
    if select.args.get("limit") is not None:
        form["top"] = _top(select)
    elif select.args.get("order") is not None:
        raise BadQuestion("ORDER BY without LIMIT: add LIMIT, or leave ORDER BY out; answers are ordered by their keys")
    return form


def _only_select(text: str) -> exp.Select:
    try:
        statements = [statement for statement in sqlglot.parse(text, read="spark") if statement is not None]
    except SqlglotError as error:
        raise BadQuestion(f"SQL cannot be read: {str(error).splitlines()[0]}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Select):
        raise BadQuestion("expected one SELECT; UNION, WITH and other statements are refused")
    select = statements[0]
    nested = select.find(exp.Subquery, exp.Join, exp.CTE, exp.Lateral, exp.Window, exp.Exists)
    if nested is not None or len(list(select.find_all(exp.Select))) > 1 or len(list(select.find_all(exp.Table))) > 1:
        found = type(nested).__name__.lower() if nested is not None else "second table"
        raise BadQuestion(
            f"a {found} is refused, because one customer's influence cannot be bounded; ask about one table"
        )
    extra = {name for name, value in select.args.items() if value} - _ALLOWED_CLAUSES
    if extra:
        raise BadQuestion(f"{', '.join(sorted(extra)).upper()} is not supported; see docs/dp.md")
    return select


def _table(select: exp.Select) -> str:
    source = select.args.get("from_") or select.args.get("from")
    if source is None or not isinstance(source.this, exp.Table):
        raise BadQuestion("FROM: expected the name of one table, such as gold.customer_360")
    table = source.this
    if any(value for name, value in table.args.items() if name not in ("this", "db", "catalog", "alias")):
        raise BadQuestion("FROM: expected a table name only; remove sampling, pivots and versions")
    if not isinstance(table.this, exp.Identifier) or table.args.get("catalog"):
        raise BadQuestion("FROM: expected layer.table, such as gold.customer_360")
    if not all(part.isidentifier() for part in (table.name, table.db) if part):
        raise BadQuestion("FROM: got a path; expected layer.table, such as gold.customer_360")
    return f"{table.db}/{table.name}" if table.db else table.name


def _statistic(node: exp.Expr, unit: str, form: dict[str, Any]) -> str:
    if isinstance(node, exp.Count):
        if isinstance(node.this, exp.Star):
            return "count"
        if isinstance(node.this, exp.Distinct) and [e.sql() for e in node.this.expressions] == [unit]:
            return "customers"
        raise BadQuestion(f"{node.sql()}: expected COUNT(*) or COUNT(DISTINCT {unit})")
    for kind, name in _AGGREGATES.items():
        if type(node) is kind:
            _clamp(node.this, form)
            return name
    if isinstance(node, (exp.Median, exp.Quantile)):
        _clamp(node.this, form)
        share = 0.5 if isinstance(node, exp.Median) else _literal(node.args["quantile"])
        form["quantiles"] = (*form.get("quantiles", ()), share)
        return "quantiles"
    raise BadQuestion(f"{node.sql()} is not supported; use COUNT, SUM, AVG, VARIANCE, MEDIAN or PERCENTILE")


def _clamp(node: exp.Expr | None, form: dict[str, Any]) -> None:
    arguments = node.expressions if isinstance(node, exp.Anonymous) and node.name.upper() == "CLAMP" else []
    if len(arguments) != 3:
        text = node.sql() if node is not None else ""
        raise BadQuestion(f"{text}: the measure has no bounds; write CLAMP(column, lower, upper)")
    column, lower, upper = arguments
    measure = {"column": _column(column, "CLAMP"), "lower": _literal(lower), "upper": _literal(upper)}
    if form.setdefault("measure", measure) != measure:
        raise BadQuestion("a question has one measure with one pair of bounds; ask a second question for the other")


def _conditions(node: exp.Expr) -> list[dict[str, Any]]:
    if isinstance(node, exp.Paren):
        return _conditions(node.this)
    if isinstance(node, exp.And):
        return [*_conditions(node.left), *_conditions(node.right)]
    if isinstance(node, exp.Between):
        column = _column(node.this, "WHERE")
        ends = (">=", node.args["low"]), ("<=", node.args["high"])
        return [{"column": column, "operator": sign, "value": _literal(end)} for sign, end in ends]
    if isinstance(node, exp.In) and node.expressions:
        values = tuple(_literal(value) for value in node.expressions)
        return [{"column": _column(node.this, "WHERE"), "operator": "in", "value": values}]
    sign = _COMPARISONS.get(type(node))
    if sign is None:
        raise BadQuestion(f"WHERE {node.sql()}: expected comparisons of a column with a literal, joined by AND")
    assert isinstance(node, exp.Binary)
    left, right = node.left, node.right
    if isinstance(left, (exp.Literal, exp.Neg)):
        left, right, sign = right, left, _MIRRORED[sign]
    return [{"column": _column(left, "WHERE"), "operator": sign, "value": _literal(right)}]


def _top(select: exp.Select) -> int:
    order = select.args.get("order")
    first = order.expressions[0] if order is not None and len(order.expressions) == 1 else None
    if first is None or not first.args.get("desc"):
        raise BadQuestion("LIMIT works only after ORDER BY the first aggregate DESC; add this clause")
    limit = _literal(select.args["limit"].expression)
    if not isinstance(limit, int):
        raise BadQuestion("LIMIT: expected a whole number, such as LIMIT 10")
    return limit


def _listed(group: exp.Group | None) -> list[exp.Expr]:
    if group is None:
        return []
    if any(value for name, value in group.args.items() if name != "expressions"):
        raise BadQuestion("GROUP BY: expected column names; for subtotals use rollup in a YAML question")
    return list(group.expressions)


def _column(node: exp.Expr, place: str) -> str:
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        raise BadQuestion(f"{place} {node.sql()}: expected a column; functions and subqueries are refused")
    return node.name


def _literal(node: exp.Expr) -> str | int | float | bool:
    if isinstance(node, exp.Neg):
        number = _literal(node.this)
        if isinstance(number, str):
            raise BadQuestion(f"{node.sql()}: expected a number")
        return -number
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if not isinstance(node, exp.Literal):
        raise BadQuestion(f"{node.sql()}: expected a literal")
    if node.is_string:
        return str(node.this)
    return int(node.this) if node.is_int else float(node.this)
