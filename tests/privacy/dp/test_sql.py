import pytest

from privacy.dp.errors import BadQuestion
from privacy.dp.release import read_question
from privacy.dp.sql import parse_sql


def test_the_documented_sql_gives_the_expected_question() -> None:
    form = parse_sql(
        "SELECT sido, COUNT(*), AVG(CLAMP(amount, -1.5, 200)), MEDIAN(CLAMP(amount, -1.5, 200)) "
        "FROM gold.order_history o WHERE channel = 'web' AND 3 < items AND total BETWEEN 1 AND 2 "
        "GROUP BY sido ORDER BY COUNT(*) DESC LIMIT 3",
        unit="customer_id",
        keys={"sido": ["서울", "부산"]},
    )
    question = read_question(form | {"purpose": "analytics", "rho": 0.1})
    assert question.dataset == "gold/order_history"
    assert question.statistics == ("count", "mean", "quantiles")
    assert question.measure is not None
    assert (question.measure.lower, question.measure.upper) == (-1.5, 200)
    conditions = [(c.column, c.operator, c.value) for c in question.where]
    assert conditions == [("channel", "=", "web"), ("items", ">", 3), ("total", ">=", 1), ("total", "<=", 2)]
    assert question.top == 3
    assert question.group_by[0].values == ("서울", "부산")


REFUSED = [
    "SELECT COUNT(*) FROM a JOIN b USING (x)",
    "SELECT COUNT(*) FROM a, b",
    "SELECT COUNT(*) FROM a WHERE x IN (SELECT x FROM b)",
    "SELECT COUNT(*) FROM a WHERE EXISTS (SELECT 1 FROM b)",
    "SELECT COUNT(*) FROM (SELECT * FROM a LIMIT 1)",
    "WITH b AS (SELECT * FROM a) SELECT COUNT(*) FROM b",
    "SELECT COUNT(*) FROM a UNION SELECT COUNT(*) FROM a",
    "SELECT COUNT(*) FROM a; DROP TABLE a",
    "DELETE FROM a",
    "SELECT * FROM a",
    "SELECT name FROM a",
    "SELECT SUM(amount) FROM a",
    "SELECT SUM(CLAMP(amount, 0, 1/0)) FROM a",
    "SELECT SUM(CLAMP(amount, 0, other)) FROM a",
    "SELECT AVG(DISTINCT CLAMP(amount, 0, 1)) FROM a",
    "SELECT SUM(CLAMP(x, 0, 1)), SUM(CLAMP(y, 0, 1)) FROM a",
    "SELECT COUNT(amount) FROM a",
    "SELECT COUNT(DISTINCT name) FROM a",
    "SELECT COUNT(*) + 1 FROM a",
    "SELECT COUNT(*) FILTER (WHERE x = 1) FROM a",
    "SELECT COUNT(*) OVER () FROM a",
    "SELECT MAX(x) FROM a",
    "SELECT COUNT(*) FROM a WHERE my_udf(x) = 1",
    "SELECT COUNT(*) FROM a WHERE 1 / x = 1",
    "SELECT COUNT(*) FROM a WHERE x = y",
    "SELECT COUNT(*) FROM a WHERE RAND() < 0.5",
    "SELECT COUNT(*) FROM a WHERE x = 1 OR y = 2",
    "SELECT COUNT(*) FROM a HAVING COUNT(*) > 1",
    "SELECT DISTINCT COUNT(*) FROM a",
    "SELECT COUNT(*) FROM a GROUP BY ROLLUP (x)",
    "SELECT COUNT(*) FROM a GROUP BY LOWER(x)",
    "SELECT COUNT(*) FROM a TABLESAMPLE (10 PERCENT)",
    "SELECT COUNT(*) FROM a VERSION AS OF 1",
    "SELECT COUNT(*) FROM a LIMIT 3",
    "SELECT COUNT(*) FROM a LATERAL VIEW EXPLODE(x) t",
    "SELECT COUNT(*)",
    "not SQL at all (",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_bounded_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(BadQuestion) as refused:
        parse_sql(text, unit="customer_id")
    assert len(refused.value.message) > 10


def test_grouping_by_the_customer_is_refused() -> None:
    form = parse_sql("SELECT customer_id, COUNT(*) FROM a GROUP BY customer_id", unit="customer_id")
    with pytest.raises(BadQuestion, match="privacy unit"):
        read_question(form | {"purpose": "analytics", "rho": 0.1})


def test_a_path_instead_of_a_table_is_refused() -> None:
    with pytest.raises(BadQuestion):
        parse_sql("SELECT COUNT(*) FROM parquet.`/tmp/x`", unit="customer_id")
