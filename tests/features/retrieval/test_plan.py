"""What a role may retrieve is what it may read of the tables, for every role, purpose and feature of the product."""

from __future__ import annotations

from collections import Counter
from typing import cast

from features.definition import FeatureCatalog, FeatureService, build_catalog
from features.retrieval.answer import Caller
from features.retrieval.plan import plan_retrieval
from installation.contract.built_in import BUILT_IN
from installation.contract.document import load_contracts
from privacy.access.errors import AccessRefused
from privacy.access.plan import plan_read
from privacy.access.role import built_in_roles
from privacy.consent.policy import built_in_policy
from privacy.contract.collection import Documents
from privacy.contract.document import Document
from tests.features.retrieval.feature_shop import NOON

POLICY, ROLES = built_in_policy(), built_in_roles()
CONTRACTS = cast("Documents[Document]", load_contracts(BUILT_IN))
CATALOG = build_catalog(CONTRACTS.values(), BUILT_IN)


def readable(role: str, purpose: str, table: str) -> set[str]:
    """Return the columns that a table read shows."""
    try:
        return set(plan_read(CONTRACTS.table(table), role, purpose, ROLES, POLICY).columns)
    except AccessRefused:
        return set()


def retrievable(role: str, purpose: str, view: str) -> set[str]:
    """Return the features that a retrieval of the whole view can release."""
    found = CATALOG.view(view)
    service = FeatureService(view, "All of it.", tuple(f.reference for f in found.features), frozenset(POLICY.purposes))
    catalog = FeatureCatalog(CATALOG.views, {view: service})
    caller = Caller("a test", role)
    try:
        plan = plan_retrieval(catalog, CONTRACTS, ROLES, POLICY, view, purpose, caller, lambda _: NOON)
    except AccessRefused:
        return set()
    assert plan.logged == tuple(f"{view}:{name}" for view, names in plan.columns for name in names)
    return {reference.partition(":")[2] for reference in plan.logged}


def test_a_retrieval_releases_the_columns_that_a_table_read_shows() -> None:
    seen: Counter[str] = Counter()
    for role in ROLES.roles:
        for purpose in POLICY.purposes:
            for name, view in CATALOG.views.items():
                found = retrievable(role, purpose, name)
                seen[role] += len(found)
                columns = readable(role, purpose, view.table) & {feature.name for feature in view.features}
                sees_pseudonyms = ROLES[role].subjects == "pseudonymised"
                assert found == (set() if sees_pseudonyms else columns), (role, purpose, name)
    assert {role for role in ROLES.roles if seen[role]} == {
        "agent", "campaign_tool", "data_steward", "privacy_officer",
    }  # fmt: skip
