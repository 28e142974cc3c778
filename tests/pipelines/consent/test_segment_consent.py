"""Nobody who refuses personalisation has a segment, and nobody who refuses the training shapes one."""

from __future__ import annotations

from collections.abc import Callable

from features.insight.group_size import told_size
from installation.contract.document import Contracts
from pipelines.unify.registry import TABLES
from tests.pipelines.conftest import Built, agree

PURPOSES = ("analytics", "personalisation", "model_training")


def _refused(number: int) -> str | None:
    """Return the purpose that the customer of this number refuses: one of four each personalisation and training."""
    return {0: "personalisation", 1: "model_training"}.get(number % 4)


def _customers(built: Built) -> list[str]:
    return sorted(set(built.frame("silver/identifier")["customer_id"]))


def _some_refuse(built: Built) -> None:
    for number, customer in enumerate(_customers(built)):
        for purpose in PURPOSES:
            if purpose == _refused(number):
                agree(built, customer, purpose, "refused")
            elif purpose != "model_training":  # It rests on the consent to personalisation.
                agree(built, customer, purpose)


def _with_inputs(name: str, contracts: Contracts) -> tuple[str, ...]:
    """Return a table and all tables that it is built from."""
    tables = {derived.name: derived for derived in TABLES}
    found, waiting = set[str](), [name]
    while waiting:
        if (one := waiting.pop()) in tables and one not in found:
            found.add(one)
            waiting += [*tables[one].all_inputs(contracts), *tables[one].recalls]
    return (*sorted(found), "silver/consent_event", "silver/permission")


def test_segments_have_only_customers_who_permit_them(build_market: Callable[..., Built], contracts: Contracts) -> None:
    built = build_market("sail", _with_inputs("gold/segment", contracts), speak=_some_refuse)
    refusing = {one for n, one in enumerate(_customers(built)) if _refused(n) == "personalisation"}
    untrained = {one for n, one in enumerate(_customers(built)) if _refused(n) == "model_training"}
    people = built.frame("gold/customer_360")
    buyers = set(people[people["order_count"] > 0]["customer_id"])
    found = set(built.frame("gold/customer_segment")["customer_id"])
    # Negative control: those who refuse are profiled for analytics, so only the filter keeps them out.
    assert refusing & buyers
    assert found & untrained
    assert not found & refusing
    assert buyers - refusing <= found
    model = built.frame("gold/segment_model").iloc[0]
    assert model["customer_count"] == told_size(len(buyers - refusing - untrained))
    assert model["customer_count"] < told_size(len(buyers - refusing))
