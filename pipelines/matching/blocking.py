"""Blocking: proposes as candidate pairs the records that agree on the key of a blocking rule.

Example: under the rule `surname_key + birth_year` the records A (kim, 1980), B (kim, 1980) and C (kim, 1971) form the
blocks {A, B} and {C}; only the pair (A, B) becomes a candidate. Blocks that are too large are dropped.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.matching.workspace import Workspace

# A block of n records costs n(n-1)/2 comparisons, and a key that many records share is weak evidence. Larger blocks are
# dropped and reported.
MAX_BLOCK = 100
# Average number of candidate pairs per record, over all rules. If the blocks have more, the largest are dropped, so the
# cost grows linearly with the number of records. The labelled data sets need 20 to 60.
PAIRS_PER_RECORD = 60
# Small files have no limit: this number of comparisons takes seconds.
_FREE_PAIRS = 6_000_000


@dataclass(frozen=True, slots=True)
class BlockingRule:
    """A blocking rule: records that agree on all its keys, none of them null, form a block.

    Attributes:
        name: shown in reports.
        keys: SQL expressions over the prepared columns.
        max_block: blocks of more records are dropped.

    """

    name: str
    keys: tuple[str, ...]
    max_block: int = MAX_BLOCK


@dataclass(frozen=True, slots=True)
class BlockingResult:
    """Numbers of candidate pairs and of dropped blocks.

    Attributes:
        candidates: number of candidate pairs.
        dropped_blocks: number of dropped blocks, by rule.
        dropped_records: number of records in the dropped blocks, by rule.
        largest: blocks of more records were dropped under every rule.

    """

    candidates: int
    dropped_blocks: dict[str, int]
    dropped_records: dict[str, int]
    largest: int = MAX_BLOCK


# A short prefix stays the same if a typing error is later in the word.
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
    """Return the blocking rules that the prepared columns allow.

    In the list of rules `$place` means each column `place_0`, `place_1` and so on; `$attribute` and `$household`
    likewise. Every identifier column has a rule of its own.
    """
    rules = [BlockingRule(c, (c,)) for c in columns if c.startswith("identifier_")]
    for keys in _RULES:
        rules += [BlockingRule(_label(k), k) for k in _expand(keys, columns) if _known(k, columns)]
    return tuple(rules)


def block(
    connection: Workspace,
    rules: Sequence[BlockingRule],
    *,
    table: str = "person",
    across_sources: bool = False,
    since: int = 0,
    largest: int | None = None,
) -> BlockingResult:
    """Write the candidate pairs to the table `candidate`, and return their number and the dropped blocks.

    The columns are `a` < `b`, both `rid`. Each pair occurs once.

    Args:
        connection: database with `table` as `prepare` made it.
        rules: a pair is a candidate if it meets at least one of them.
        table: the prepared records.
        across_sources: whether to propose only pairs of records from different sources.
        since: propose only pairs in which at least one record has this `rid` or a higher one.
        largest: drop blocks of more records; None: the largest size that `PAIRS_PER_RECORD` allows.

    """
    if not rules:
        connection.execute("create or replace table candidate (a integer, b integer)")
        return BlockingResult(0, {}, {})
    keys = _key_sql(rules, table)
    if since:
        # Keep only old records that share a key with a new one.
        connection.execute(f"create or replace temp table fresh_key as {_key_sql(rules, table, f'rid >= {since}')}")
        keys = _shared_key_sql(rules, table)
    connection.execute(f"create or replace temp table block_key as {keys}")
    connection.execute(
        "create or replace temp table block_size as select rule, key, count(*) as size "
        "from block_key group by rule, key having count(*) > 1"
    )
    largest = largest or _largest_within_budget(connection, table)
    limits = " ".join(f"when {n} then {min(r.max_block, largest)}" for n, r in enumerate(rules))
    limit = f"(case rule {limits} end)"
    sources = "and l.source <> r.source" if across_sources else ""
    connection.execute(
        "create or replace table candidate as "
        f"with small as (select rule, key from block_size where size <= {limit}), "
        "kept as (select k.* from block_key k semi join small s on k.rule = s.rule and k.key = s.key) "
        "select distinct l.rid::integer as a, r.rid::integer as b from kept l join kept r "
        f"on l.rule = r.rule and l.key = r.key and l.rid < r.rid and r.rid >= {since} {sources}"
    )
    dropped = connection.execute(
        "select rule, count(*) as blocks, sum(size)::bigint as records from block_size "
        f"where size > {limit} group by rule order by rule"
    ).fetchall()
    candidates = connection.execute("select count(*) as n from candidate").fetchall()[0][0]
    for name in ("block_key", "block_size", *(["fresh_key"] if since else [])):
        connection.execute(f"drop table {name}")
    return BlockingResult(
        int(candidates),
        {rules[n].name: int(blocks) for n, blocks, _ in dropped},
        {rules[n].name: int(records) for n, _, records in dropped},
        largest,
    )


def _key_sql(rules: Sequence[BlockingRule], table: str, condition: str = "true") -> str:
    """Return SQL for one row per record and blocking rule; rules with an unknown key of the record are left out."""
    items = ", ".join(
        f"case when {' and '.join(f'({k}) is not null' for k in r.keys)} "
        f"then {{'rule': {number}::utinyint, 'key': hash({', '.join(r.keys)})}} end"
        for number, r in enumerate(rules)
    )
    return (
        "select k.rule as rule, k.key as key, rid, source from "
        f"(select rid, source, unnest([{items}]) as k from {table} where {condition}) where k is not null"
    )


def _shared_key_sql(rules: Sequence[BlockingRule], table: str) -> str:
    """Return SQL for the rows of `_key_sql` whose key is in the table `fresh_key`; reads `table` once per rule."""
    return " union all ".join(
        f"select {number}::utinyint as rule, k.key as key, k.rid as rid, k.source as source from "
        f"(select hash({', '.join(r.keys)}) as key, rid, source from {table} "
        f"where {' and '.join(f'({key}) is not null' for key in r.keys)}) k "
        f"semi join (select key from fresh_key where rule = {number}) f on k.key = f.key"
        for number, r in enumerate(rules)
    )


def _largest_within_budget(connection: Workspace, table: str) -> int:
    """Return the largest block size at which all blocks together stay within the budget of candidate pairs."""
    records = connection.execute(f"select count(*) as n from {table}").fetchall()[0][0]
    budget = max(_FREE_PAIRS, PAIRS_PER_RECORD * int(records))
    by_size = connection.execute(
        f"select size, count(*) as blocks from block_size where size <= {MAX_BLOCK} group by size order by size"
    ).fetchall()
    largest, pairs = 2, 0
    for size, blocks in by_size:
        pairs += int(blocks) * int(size) * (int(size) - 1) // 2
        if pairs > budget:
            return largest
        largest = int(size)
    return MAX_BLOCK


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
