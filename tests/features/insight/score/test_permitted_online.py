"""An independent evaluation of consent finds nobody without permission in the tables and the online store."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

import pyarrow.compute as pc

from bench.insight.permitted_person import ONLINE, evaluate
from features.insight.score.score_row import INPUT, TABLE
from features.repo.materialization import materialize
from features.store.opening import open_online_store
from tests.features.insight.score.score_shop import CUSTOMERS, DENYING, open_shop, state


def test_nobody_without_permission_has_scores_and_a_withdrawal_before_the_next_run_is_found(tmp_path: Path) -> None:
    with open_shop(tmp_path) as shop:
        materialize(shop, ["customer_score"])
        with closing(open_online_store(shop)) as online:
            assert set(online.customers()) == set(CUSTOMERS) - set(DENYING)
        assert evaluate(shop, shop.shop_time()) == {}
        gone = CUSTOMERS[-1]
        state(shop, gone, "withdrawn", datetime(2017, 12, 30))
        assert evaluate(shop, shop.shop_time()) == {INPUT: 1, TABLE: 1, ONLINE: 1}
        for table in (INPUT, TABLE):
            rows = shop.lakehouse.rows(table)
            shop.lakehouse.overwrite_rows(table, rows.filter(pc.field("customer_id") != gone))
        assert evaluate(shop, shop.shop_time()) == {ONLINE: 1}
        materialize(shop, ["customer_score"])
        assert evaluate(shop, shop.shop_time()) == {}
