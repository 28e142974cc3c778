"""Translates SQL statements of identity resolution, which are written for DuckDB, into Spark's SQL."""

import pandas as pd
import sqlglot
from sqlglot import exp

# Name of a function in DuckDB -> name in Spark.
_FUNCTIONS = {
    "strlen": "length",
    "list_intersect": "array_intersect",
    # Spark's `hash` has 32 bits: too few to keep the keys of a large file apart.
    "hash": "xxhash64",
}


def to_spark(statement: str) -> str:
    """Return a query or condition, written for DuckDB, in Spark's SQL.

    >>> to_spark("jaro_winkler_similarity(a, b) >= 0.9 and strlen(a) > 3")
    'JARO_WINKLER(a, b) >= 0.9 AND LENGTH(a) > 3'
    >>> to_spark("list_has_any(a, b)")
    'SIZE(ARRAY_INTERSECT(a, b)) > 0'
    """
    return render(sqlglot.parse_one(statement, read="duckdb"))


def render(tree: exp.Expr) -> str:
    """Return a parsed statement in Spark's SQL."""
    return tree.transform(_translate).sql("spark")


def as_bytes(text: str) -> str:
    """Return the text with each byte of its UTF-8 form as one character.

    DuckDB counts edit distances in bytes and Spark in characters. In this form both count the same. Equality and order
    of texts do not change.

    >>> len(as_bytes("김")), as_bytes("kim")
    (3, 'kim')
    """
    return text if text.isascii() else text.encode().decode("latin-1")


def encode_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with `as_bytes` applied to every text and to every text in a list."""
    encoded = frame.copy(deep=False)
    for column in frame.columns:
        if frame[column].dtype == object:
            encoded[column] = frame[column].map(_encode)
    return encoded


def _encode(value: object) -> object:
    if isinstance(value, str):
        return as_bytes(value)
    return [_encode(item) for item in value] if isinstance(value, list) else value


def _translate(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.ArrayOverlaps):
        shared = exp.Anonymous(this="ARRAY_INTERSECT", expressions=[node.this, node.expression])
        return exp.GT(this=exp.Anonymous(this="SIZE", expressions=[shared]), expression=exp.Literal.number(0))
    if isinstance(node, exp.JarowinklerSimilarity):
        return exp.Anonymous(this="jaro_winkler", expressions=[node.this, node.expression])
    if isinstance(node, exp.Literal) and node.is_string:
        return exp.Literal.string(as_bytes(node.this))
    if isinstance(node, exp.Anonymous) and node.name.lower() in _FUNCTIONS:
        return exp.Anonymous(this=_FUNCTIONS[node.name.lower()].upper(), expressions=node.expressions)
    return node
