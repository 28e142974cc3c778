"""Conditions of reads: what is accepted, what is refused, and that no message quotes the condition."""

from __future__ import annotations

import pytest

from privacy.access.condition import read_condition
from privacy.access.errors import AccessRefused
from privacy.contract.column import Column
from privacy.contract.document import Document

TYPES = {
    "customer_id": "string", "city": "string", "orders": "bigint", "spend": "decimal(18,2)", "share": "double",
    "is_member": "boolean", "born_on": "date", "seen_at": "timestamp_ntz", "home": "string",
}  # fmt: skip
DOCUMENT = Document(
    "gold.shopper", "shopper", "gold", "1.0.0",
    tuple(Column(name, name, "string", kind, "pd:Purchase") for name, kind in TYPES.items()),
    subject_key="customer_id",
)  # fmt: skip


def sql(where: str) -> str:
    condition = read_condition(DOCUMENT, where, None)
    assert condition is not None
    return condition.sql("duckdb").removeprefix("(").removesuffix(")")


@pytest.mark.parametrize(
    ("where", "columns"),
    [
        ("city = 'Seoul'", ("city",)),
        ("orders >= 3 AND (city like 'Se%' or not is_member)", ("city", "orders", "is_member")),
        ("spend between 1 and 10.5", ("spend",)),
        ("city not in ('Seoul', 'Busan') -- the rest", ("city",)),
        ("home = city", ("city", "home")),
        ("orders > share", ("orders", "share")),
        ("seen_at >= '2017-03-01'", ("seen_at",)),
        ("born_on < date '2000-01-01' and share > -0.5", ("share", "born_on")),
        ("city is not null", ("city",)),
        ("5 <= orders", ("orders",)),
        ("\"city\" = 'it''s; drop table t'", ("city",)),
    ],
)
def test_a_condition_names_its_columns_in_the_order_of_the_contract(where: str, columns: tuple[str, ...]) -> None:
    condition = read_condition(DOCUMENT, where, None)
    assert condition is not None
    assert condition.columns == columns


@pytest.mark.parametrize(
    "where",
    [
        "", "orders", "1 = 1", "'a' = 'a'", "orders = 3; select 1", "orders = 3) or (1 = 1", "orders = 3 limit 1",
        "orders = 3) union select (1", "orders in (select 1)", "exists (select 1)", "orders = (select max(a) from t)",
        "city = read_text('/etc/passwd')", "length(city) > 3", "city || home = 'x'", "orders + 1 = 2", "orders = 1 / 0",
        "cast(city as int) = 1", "city::int = 1", "city = 'x' collate nocase", "city like 'a' escape 'b'",
        "city like 'a\\_%'", "orders like '1%'", "city = null", "orders is true", "t.orders = 3", "orders = ?",
        "case when is_member then orders = 1 else orders = 2 end", "city ~ 'a'", "orders in ()", "rowid = 1",
        "orders = '3'", "city = 3", "city = Seoul", "born_on = 'yesterday'", "seen_at > '2017-03-01T00:00:00Z'",
        "is_member = 1", "orders = city", "orders = 1e400", "orders between '1' and 2", "* = 1", "orders = 3 -- \n) --",
        "not " * 3000 + "is_member", "(" * 4000 + "is_member" + ")" * 4000, "is_member" + " and is_member" * 1000,
    ],
)  # fmt: skip
def test_everything_else_is_refused(where: str) -> None:
    with pytest.raises(AccessRefused):
        read_condition(DOCUMENT, where, None)


@pytest.mark.parametrize("where", ["city = Kimnamseon", "Kimnamseon = 'a'", "orders = 'Kimnamseon'", "Kimnamseon("])
def test_no_message_quotes_the_condition(where: str) -> None:
    with pytest.raises(AccessRefused) as refused:
        read_condition(DOCUMENT, where, None)
    assert "Kimnamseon" not in f"{refused.value!r} {refused.value} {refused.value.__cause__}"
    condition = read_condition(DOCUMENT, "city = 'Kimnamseon'", None)
    assert "Kimnamseon" not in repr(condition)


def test_a_misspelt_column_gets_the_right_name() -> None:
    with pytest.raises(AccessRefused, match="did you mean orders"):
        read_condition(DOCUMENT, "order = 3", None)


def test_a_customer_is_a_condition_on_the_subject_key() -> None:
    condition = read_condition(DOCUMENT, "orders = 1 or orders = 2", "c' or '1'='1")
    assert condition is not None
    assert condition.columns == ("customer_id", "orders")
    assert condition.sql("duckdb") == ("""("orders" = 1 OR "orders" = 2) AND "customer_id" = 'c'' or ''1''=''1'""")
    nobody = Document("gold.store", "store", "gold", "1.0.0", DOCUMENT.columns)
    with pytest.raises(AccessRefused, match="holds no persons"):
        read_condition(nobody, None, "c_1")


def test_values_get_the_type_of_their_column() -> None:
    assert sql("spend = 1.5") == "\"spend\" = CAST('1.50' AS DECIMAL(18, 2))"
    assert sql("spend > 1.005") == "\"spend\" > CAST('1.005' AS DOUBLE)"
    assert sql("orders > 2.5") == "\"orders\" > CAST('2.5' AS DOUBLE)"
    assert sql("seen_at > '2017-03-01T09:30'") == "\"seen_at\" > CAST('2017-03-01 09:30:00.000000' AS TIMESTAMP)"
