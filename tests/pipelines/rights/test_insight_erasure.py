"""After an erasure nothing of insight is left of a person: tables, online store, audiences, models and their files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.insight.audience import service
from features.insight.audience.difference import SizeAudit
from features.insight.audience.service import Audiences
from features.insight.score.model_table import TABLE as MODELS
from features.insight.score.reading import read_scores
from features.insight.score.score_row import INPUT, TABLE
from features.repo.materialization import materialize
from features.retrieval.answer import Caller
from features.store.opening import open_online_store
from installation.installation import Installation
from pipelines.orchestration.rights_registry import carry_out_requests
from privacy.contract.document import Document
from privacy.protection.scan.folder import scan_folders
from privacy.protection.scan.matcher import Matcher
from privacy.protection.scan.needle import Needle
from privacy.rights.request import Actor, Right, State, Submission
from tests.features.insight.score.score_shop import CUSTOMERS, DENYING, TODAY, open_shop

OFFICER, AGENT = Actor(who="officer", role="privacy_officer"), Caller("test", "agent")
AUDIENCE = """
name: at_risk
description: Customers who may not come back
purpose: personalisation
rule: {all: [{feature: customer_score:churn_probability, at_least: 0.47}]}
"""


def row(contract: Document, customer: str) -> dict[str, Any]:
    """Return a row of a customer with a value in each column."""
    values: dict[str, Any] = {}
    for field in contract.arrow_schema():
        column = next(one for one in contract.columns if one.name == field.name)
        if pa.types.is_date(field.type):
            values[field.name] = TODAY
        elif pa.types.is_timestamp(field.type):
            values[field.name] = datetime.combine(TODAY, datetime.min.time())
        elif pa.types.is_string(field.type):
            values[field.name] = column.enum[0] if column.enum else f"of {customer}"
        elif pa.types.is_list(field.type):
            values[field.name] = []
        else:
            values[field.name] = pa.scalar(0, pa.int8()).cast(field.type).as_py()
    return values | {str(contract.subject_key): customer}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Installation]:
    """Customers with rows in each gold table about customers, features in the online store, and an audience."""
    with open_shop(tmp_path) as opened, pytest.MonkeyPatch.context() as patch:
        # Under a random key, the drawn bound may be above the few customers of the shop.
        patch.setattr(service, "SizeAudit", lambda _: SizeAudit(bytes([1]) * 32))
        lakehouse, scored = opened.lakehouse, [one for one in CUSTOMERS if one not in DENYING]
        for contract in opened.contracts.values():
            if contract.layer == "gold" and contract.subject_key and contract.table not in (INPUT, TABLE):
                rows = [row(contract, one) for one in scored]
                lakehouse.overwrite_rows(contract.table, pa.Table.from_pylist(rows, contract.arrow_schema()))
        lakehouse.overwrite_rows("silver/customer", pa.table({"customer_id": scored}))
        # Delta cuts tokens in its statistics, so a verification compares only their beginnings.
        keys = [{"token_kind": "member_no", "token": one[::-1], "customer_id": one, "previous_customer_id": None}
                for one in scored]  # fmt: skip
        lakehouse.overwrite_rows("silver/identifier", pa.Table.from_pylist(keys))
        materialize(opened)
        Audiences(opened).create(AUDIENCE, AGENT)
        yield opened


def traces(shop: Installation, customer: str) -> set[str]:
    """Return the files of an installation in which the id of a customer lies, without those of the landing zone."""
    data = shop.settings.data_dir
    report = scan_folders([data, shop.settings.secret_dir], Matcher([Needle("customer", customer)]))
    assert report.undecoded == ()
    return {str(Path(one.path).relative_to(data.parent)) for one in report.findings}


def test_after_an_erasure_no_file_has_a_trace_of_the_person(shop: Installation) -> None:
    gone, other, *_ = Audiences(shop).members("at_risk", AGENT)
    before = traces(shop, gone)
    for name in ("customer_segment", "segment_move", "customer_score", "customer_life_event", "customer_special_event"):
        assert any(f"gold/{name}/" in path for path in before), name
    assert any("/online/" in path for path in before)
    models = shop.lakehouse.rows(MODELS)
    service = shop.rights_service()
    request = service.submit(Submission(right=Right.ERASURE, customer_id=gone), OFFICER).request
    service.verify_identity(request.id, "passport_seen", OFFICER)
    service.approve(request.id, OFFICER)
    (done,) = carry_out_requests(shop)
    assert (done.state, done.failures) == (State.COMPLETED, ())
    assert traces(shop, gone) == set()
    assert gone not in Audiences(shop).members("at_risk", AGENT)
    assert other in Audiences(shop).members("at_risk", AGENT)
    assert read_scores(shop, gone, "agent", "personalisation", "test").scores == ()
    with closing(open_online_store(shop)) as online:
        assert [row is None for row in online.read([gone, other])] == [True, False]
    assert shop.lakehouse.rows(MODELS).equals(models)
