"""Translates audiences to one SQL query of DuckDB over the tables of `features.insight.audience.fact`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from features.insight.audience.plan import events_of, features_of
from features.insight.audience.rule import (
    Audience,
    Condition,
    EventTest,
    Group,
    Not,
    PermitTest,
)
from features.insight.audience.window import first_day


@dataclass(frozen=True)
class Query:
    """A query and the values of its parameters `$1`, `$2`, ….

    It returns one row per customer of the table `population`: `customer_id`, and for the audience number n the boolean
    column `member_n`, never null.
    """

    sql: str
    values: tuple[Any, ...]


def compile_audiences(audiences: Sequence[Audience], today: date) -> Query:
    """Return the query that finds the members of bound audiences on a day."""
    return _Compiler(today).query(audiences)


class _Compiler:
    def __init__(self, today: date) -> None:
        self._today = today
        self._values: list[Any] = []
        self._counts: dict[tuple[str, str | None, int], str] = {}

    def query(self, audiences: Sequence[Audience]) -> Query:
        members = [
            f"  {_permits(one.purpose)} AND {self._condition(one.rule)} AS member_{n}"
            for n, one in enumerate(audiences)
        ]
        views = dict.fromkeys(f.partition(":")[0] for one in audiences for f in features_of(one.rule))
        joins = [f'LEFT JOIN "{view}" USING (customer_id)' for view in views]
        heads = [f"  {self._count(test)} AS {self._counts[test.kind]}" for test in _events(audiences)]
        with_counts = ""
        if heads:
            joins.append("LEFT JOIN event_count USING (customer_id)")
            columns = ",\n".join(["  customer_id", *heads])
            with_counts = f"WITH event_count AS (SELECT\n{columns}\nFROM event GROUP BY customer_id)\n"
        columns = ",\n".join(["  population.customer_id", *members])
        sql = "\n".join([f"{with_counts}SELECT\n{columns}", "FROM population", *joins])
        return Query(sql, tuple(self._values))

    def _condition(self, rule: Condition) -> str:
        if isinstance(rule, Group):
            word, of_none = (" AND ", "true") if rule.is_all else (" OR ", "false")
            return f"({word.join(map(self._condition, rule.parts))})" if rule.parts else of_none
        if isinstance(rule, Not):
            return f"(NOT {self._condition(rule.inner)})"
        if isinstance(rule, PermitTest):
            return _permits(rule.purpose)
        if isinstance(rule, EventTest):
            return self._event(rule)
        view, _, name = rule.feature.partition(":")
        column = f'"{view}"."{name}"'
        parts = [self._bound(column, operator, value) for operator, value in rule.bounds]
        return f"({' AND '.join(parts)})"

    def _bound(self, column: str, operator: str, value: Any) -> str:
        if operator == "missing":
            return f"{column} IS {'' if value else 'NOT '}NULL"
        if operator == "within_days":
            first = self._value(datetime.combine(first_day(self._today, value), time()))
            after = self._value(datetime.combine(self._today + timedelta(1), time()))
            return f"coalesce({column} >= {first} AND {column} < {after}, false)"
        if operator == "one_of":
            return f"coalesce({column} IN ({', '.join(map(self._value, value))}), false)"
        if operator == "contains":
            return f"coalesce(list_contains({column}, {self._value(value)}), false)"
        sign = {"is": "=", "at_least": ">=", "at_most": "<="}[operator]
        return f"coalesce({column} {sign} {self._value(value)}, false)"

    def _event(self, test: EventTest) -> str:
        name = self._counts.setdefault(test.kind, f"count_{len(self._counts)}")
        count = f"coalesce(event_count.{name}, 0)"
        limits = [(">=", test.at_least), ("<=", test.at_most)]
        holds = " AND ".join(f"{count} {sign} {limit}" for sign, limit in limits if limit is not None)
        return f"({holds or 'true'})"

    def _count(self, test: EventTest) -> str:
        kind = f"event_type = {self._value(test.event)}"
        channel = "" if test.channel is None else f" AND channel = {self._value(test.channel)}"
        first, last = self._value(first_day(self._today, test.within_days)), self._value(self._today)
        return f"count(*) FILTER (WHERE {kind}{channel} AND event_date BETWEEN {first} AND {last})"

    def _value(self, value: Any) -> str:
        self._values.append(value)
        return f"${len(self._values)}"


def _events(audiences: Sequence[Audience]) -> list[EventTest]:
    return list({test.kind: test for one in audiences for test in events_of(one.rule)}.values())


def _permits(purpose: str) -> str:
    return f'population."permits:{purpose}"'
