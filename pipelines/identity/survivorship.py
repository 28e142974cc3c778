"""The golden record: which value of each attribute survives, from which record, by which rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

Rule = Literal["most_recent", "most_frequent", "most_complete", "most_trusted"]


@dataclass(frozen=True, slots=True)
class Survivor:
    """A surviving value with its origin.

    Attributes:
        attribute: column.
        value: the value; `None` when no record has one.
        record: key of the record that it comes from.
        source: that record's source.
        updated_at: that record's date.
        rule: why it was chosen.
    """

    attribute: str
    value: str | None
    record: str | None
    source: str | None
    updated_at: str | None
    rule: Rule


def survive(
    records: pd.DataFrame,
    rules: Mapping[str, Rule],
    *,
    key: str,
    source: str,
    updated_at: str,
    trust: Sequence[str] = (),
) -> tuple[Survivor, ...]:
    """Choose one value of each attribute among the records of one customer.

    Args:
        records: the customer's records; ISO text in `updated_at`.
        rules: the rule of each attribute. Ties fall to the later date, then the more trusted source, then the
            key.
        key: column of record keys.
        source: column of sources.
        updated_at: column of dates.
        trust: sources, the most trusted first; sources not named come last.
    """
    rank = {name: n for n, name in enumerate(trust)}
    # The best record last under stable sorting: later, more trusted, smaller key.
    order = records.assign(_rank=[-rank.get(s, len(rank)) for s in records[source]]).sort_values(
        [updated_at, "_rank", key], ascending=[True, True, False], na_position="first", kind="stable"
    )
    return tuple(_choose(order, attribute, rule, (key, source, updated_at)) for attribute, rule in rules.items())


def _choose(ordered: pd.DataFrame, attribute: str, rule: Rule, columns: tuple[str, str, str]) -> Survivor:
    key, source, updated_at = columns
    filled = ordered[ordered[attribute].notna()]
    if filled.empty:
        return Survivor(attribute, None, None, None, None, rule)
    if rule == "most_frequent":
        counts = filled[attribute].map(filled[attribute].value_counts())
        filled = filled[counts == counts.max()]
    elif rule == "most_complete":
        length = filled[attribute].str.len()
        filled = filled[length == length.max()]
    elif rule == "most_trusted":
        filled = filled[filled["_rank"] == filled["_rank"].max()]
    best = filled.iloc[-1]
    date = None if pd.isna(best[updated_at]) else str(best[updated_at])
    return Survivor(attribute, str(best[attribute]), str(best[key]), str(best[source]), date, rule)
