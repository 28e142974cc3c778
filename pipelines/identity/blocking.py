"""Which pairs of records are worth comparing: those that share a key of some rule, in a block that is not too
large.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

# A block of n records costs n(n-1)/2 comparisons and its shared key says ever less; beyond this size it is
# dropped and reported. Growth therefore stays linear in the number of records.
MAX_BLOCK = 100


@dataclass(frozen=True, slots=True)
class BlockingRule:
    """Records that agree on all expressions (none null) form a block.

    Attributes:
        name: shown in reports.
        keys: SQL expressions over the prepared columns.
        max_block: larger blocks are dropped.

    """

    name: str
    keys: tuple[str, ...]
    max_block: int = MAX_BLOCK


@dataclass(frozen=True, slots=True)
class BlockingReport:
    """What blocking did: candidate pairs, and for each rule the dropped blocks and the records in them."""

    candidates: int
    dropped_blocks: dict[str, int]
    dropped_records: dict[str, int]


# Short prefixes keep typing errors further on in the word inside the block.
_GIVEN_1, _GIVEN_2, _SURNAME_1, _SURNAME_2 = (
    "left(given_text, 1)",
    "left(given_text, 2)",
    "left(surname_text, 1)",
    "left(surname_text, 2)",
)
_NAME_PAIR = "least(given_key, surname_key) || '|' || greatest(given_key, surname_key)"
_RULES: tuple[tuple[str, ...], ...] = (
    ("phone",),
    ("email",),
    ("device",),
    ("$household",),
    ("postal_code",),
    ("surname_key", "$place"),
    ("surname_key", "birth_year"),
    ("surname_key", "postal_area"),
    ("surname_key", _GIVEN_1),
    ("surname_key", "birth_day"),
    ("surname_key", "$attribute"),
    (_NAME_PAIR,),
    ("given_key", "postal_area"),
    ("given_key", "birth_year"),
    ("given_key", _SURNAME_2),
    ("given_key", "$attribute"),
    ("given_cross", "surname_cross"),
    ("given_cross", "birth_date"),
    ("birth_date",),
    ("birth_date", "$place"),
    ("birth_date", _GIVEN_1),
    ("birth_date", _SURNAME_1),
    ("birth_year", "postal_area"),
    ("birth_year", "$place"),
    ("birth_day", "postal_area"),
    ("birth_day", "$place"),
    ("$place", _GIVEN_2),
    ("$place", _GIVEN_1),
    ("$place", _SURNAME_1),
    ("$place", "postal_area"),
    ("$place", "$attribute"),
    ("postal_area", _GIVEN_1),
    ("postal_area", _SURNAME_1),
    ("postal_area", "$attribute"),
    ("email_local",),
    ("address",),
    ("house_number", "postal_area"),
    ("latin_given", "surname_cross"),
)


def rules_for(columns: Sequence[str]) -> tuple[BlockingRule, ...]:
    """Return the rules whose columns the prepared file has.

    `$place` and `$attribute` stand for each column of that kind; every identifier column is a rule of its
    own.
    """
    rules = [BlockingRule(c, (c,)) for c in columns if c.startswith("identifier_")]
    for keys in _RULES:
        rules += [BlockingRule(_label(k), k) for k in _expand(keys, columns) if _known(k, columns)]
    return tuple(rules)


def block(
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[BlockingRule],
    *,
    table: str = "person",
    across_sources: bool = False,
    since: int = 0,
) -> BlockingReport:
    """Write the candidate pairs to the table `candidate` (columns `a` < `b`, both `rid`; each pair once).

    Args:
        connection: holds `table` as `prepare` made it.
        rules: a pair is a candidate when it meets one of them.
        table: the prepared records.
        across_sources: only pairs of records from different sources.
        since: only pairs of which at least one record has this `rid` or a later one.

    """
    if not rules:
        connection.execute("create or replace table candidate (a integer, b integer)")
        return BlockingReport(0, {}, {})
    selects = [
        f"select {number}::utinyint as rule, hash({', '.join(r.keys)}) as key, rid, source from {table} "
        f"where {' and '.join(f'({k}) is not null' for k in r.keys)}"
        for number, r in enumerate(rules)
    ]
    connection.execute(f"create or replace temp table block_key as {' union all '.join(selects)}")
    limits = " ".join(f"when {n} then {r.max_block}" for n, r in enumerate(rules))
    connection.execute(
        "create or replace temp table block_size as select rule, key, count(*) as size, "
        f"count(*) > (case rule {limits} end) as is_dropped "
        "from block_key group by rule, key having count(*) > 1 "
        f"and max(rid) >= {since}"
    )
    sources = "and l.source <> r.source" if across_sources else ""
    connection.execute(
        "create or replace table candidate as "
        "with small as (from block_size where not is_dropped), "
        "kept as (from block_key k semi join small s on k.rule = s.rule and k.key = s.key) "
        "select distinct l.rid::integer as a, r.rid::integer as b from kept l join kept r "
        f"on l.rule = r.rule and l.key = r.key and l.rid < r.rid and r.rid >= {since} {sources}"
    )
    dropped = connection.execute(
        "select rule, count(*), sum(size) from block_size where is_dropped group by rule order by rule"
    ).fetchall()
    candidates = connection.execute("select count(*) from candidate").fetchall()[0][0]
    connection.execute("drop table block_key; drop table block_size")
    return BlockingReport(
        int(candidates),
        {rules[n].name: int(blocks) for n, blocks, _ in dropped},
        {rules[n].name: int(records) for n, _, records in dropped},
    )


def _expand(keys: tuple[str, ...], columns: Sequence[str]) -> list[tuple[str, ...]]:
    expanded: list[tuple[str, ...]] = [()]
    for key in keys:
        options = [c for c in columns if c.startswith(f"{key[1:]}_")] if key.startswith("$") else [key]
        expanded = [(*done, option) for done in expanded for option in options]
    return expanded


def _known(keys: tuple[str, ...], columns: Sequence[str]) -> bool:
    present = set(columns)
    words = {w for key in keys for w in key.replace("(", " ").replace(",", " ").replace(")", " ").split()}
    return all(w in present for w in words if "_" in w or w in _SINGLE_WORDS)


def _label(keys: tuple[str, ...]) -> str:
    return " + ".join("name pair" if k == _NAME_PAIR else k for k in keys)


_SINGLE_WORDS = frozenset({"phone", "email", "device", "address", "given", "surname", "sex"})
