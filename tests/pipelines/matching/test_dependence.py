"""More agreement never makes a pair less likely."""

import duckdb
import numpy as np
import pytest

from pipelines.matching.dependence import Dependence, total_weight, total_weight_sql

# Comparisons: given name, phone, account. The given name and the phone depend on the comparison after them.
LINKS = [Dependence(1, 0.5, 1.0), Dependence(2, 0.1, 1.0), Dependence()]
HOUSEHOLD = [False, True, True]
PRIOR = -12.0


@pytest.mark.parametrize("other_phone", [-3.0, 0.0])
def test_a_card_weighs_more_with_the_namesake_whose_phone_it_has(other_phone: float) -> None:
    name, account = np.array([8.0, 8.0]), np.array([10.0, 10.0])
    phone = np.array([11.0, other_phone])
    father, son = total_weight([name, phone, account], LINKS, PRIOR, HOUSEHOLD)
    assert father > son


def test_the_sql_gives_the_same_weights() -> None:
    rows = np.array([(8.0, 11.0, 10.0), (8.0, -3.0, 10.0), (-5.0, 11.0, 30.0), (0.0, 0.0, 0.0)])
    terms = [f"w[{n + 1}]" for n in range(3)]
    sql = total_weight_sql(terms, LINKS, PRIOR, HOUSEHOLD)
    found = [duckdb.execute(f"select {sql} from (select {row.tolist()}::double[] as w)").fetchone()[0] for row in rows]
    assert found == pytest.approx(total_weight(list(rows.T), LINKS, PRIOR, HOUSEHOLD).tolist())
