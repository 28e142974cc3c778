"""A node's configuration opens an installation as a site, which reads only what it declares itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from federated.errors import BadSetting, DataRefused, SchemaMismatch, SiteRefused, TooFewSites
from federated.glm import Glm
from federated.local_run import run_local
from federated.schema import Column, TableSchema
from pipelines.federated.adapter import open_site
from pipelines.federated.feature_site import FeatureSite
from pipelines.federated.training_plan import schema_of
from privacy.errors import PrivacyError
from tests.features.repo.training_market import TrainingMarket
from tests.pipelines.federated.conftest import NOISE, Declare


@pytest.fixture
def config(declare: Declare, market: TrainingMarket, tmp_path: Path) -> dict[str, Any]:
    declare()
    return {
        "data-dir": str(market.installation.settings.data_dir), "model": "next_order", "site": "north",
        "declarations": str(tmp_path / "declared"), "declared-sites": True,
    }  # fmt: skip


def test_a_node_reads_the_customers_of_its_site(config: dict[str, Any], declare: Declare) -> None:
    service = declare()
    schema = service.plan("next_order", 4).schema
    with service.sites(service.release("next_order")) as sites:
        expected = {site.name: site.read(schema) for site in sites}
    north = open_site(config).read(schema)
    everybody = open_site(config | {"declared-sites": False}).read(schema)
    assert north.customer.tolist() == expected["north"].customer.tolist()
    assert len(everybody) == sum(map(len, expected.values()))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": ""}, "lacks model"),
        ({"model": "other"}, "no declared model 'other'"),
        ({"site": "moon"}, "declares no site 'moon'"),
        ({"data-dir": "/nowhere"}, "is no folder"),
    ],
)
def test_a_configuration_that_names_nothing_is_refused(
    config: dict[str, Any], changes: dict[str, Any], words: str
) -> None:
    schema = _schema(open_site(config).site)
    with pytest.raises(BadSetting, match=words):
        open_site(config | changes).read(schema)


def test_a_run_that_wants_another_table_is_refused_with_the_difference(config: dict[str, Any]) -> None:
    site = open_site(config).site
    own = site.reader.columns
    schema = dataclasses.replace(_schema(site), columns=(*_schema(site).columns[1:], Column("income", "number", 0, 9)))
    with pytest.raises(SchemaMismatch, match=f"Only the run has: income. Only the site has: {own[0].name}"):
        site.read(schema)
    wide = dataclasses.replace(_schema(site).columns[0], upper=1e6)
    schema = dataclasses.replace(_schema(site), columns=(wide, *_schema(site).columns[1:]))
    with pytest.raises(SchemaMismatch, match=f"Other kind or bounds have: {own[0].name}"):
        site.read(schema)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"privacy": None}, "privacy"),
        ({"task": Glm("poisson", is_private=True)}, "task"),
        ({"held_share": 0.0}, "held_share"),
        ({"rounds_max": 99}, "rounds_max"),
        ({"is_secure": False}, "secure"),
    ],
)
def test_a_server_that_asks_for_more_than_the_declared_plan_gets_nothing(
    config: dict[str, Any], declare: Declare, changes: dict[str, Any], words: str
) -> None:
    service = declare(task={"task": "glm", "is_private": True}, privacy=NOISE, rounds=2)
    plan = service.plan("next_order", 4)
    site = open_site(config)
    site.check_plan(dataclasses.replace(plan, timeout_seconds=7.0))
    with pytest.raises(SiteRefused, match=f"with other settings: {words}"):
        site.check_plan(dataclasses.replace(plan, **changes))


def test_a_node_answers_a_plan_without_the_declared_noise_with_a_refusal(
    config: dict[str, Any], declare: Declare
) -> None:
    service = declare(task={"task": "glm", "is_private": True}, privacy=NOISE, rounds=2)
    plan = dataclasses.replace(service.plan("next_order", 4), privacy=None)
    sites = [open_site(config | {"site": name}) for name in ("east", "north", "south", "west")]
    with pytest.raises(TooFewSites, match="other settings: privacy"):
        run_local(plan, sites)


def test_a_site_whose_consent_record_fails_sends_nothing(
    config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = open_site(config).site

    def fail(*_: object) -> None:
        raise PrivacyError("the consent record cannot be read", public_details="the consent record cannot be read")

    monkeypatch.setattr(site.reader._consent, "refresh", fail)
    with pytest.raises(DataRefused, match="consent record"):
        site.read(_schema(site))


def _schema(site: FeatureSite) -> TableSchema:
    return schema_of(site.release, site.reader.columns)
