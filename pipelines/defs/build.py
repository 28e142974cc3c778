"""Builds Dagster's definitions from the settings, the contracts and the registry of derived tables."""

from collections.abc import Iterable, Iterator, Mapping
from warnings import catch_warnings, simplefilter

import dagster as dg

from installation.contract.document import Contract, Contracts
from installation.installation import Installation
from installation.settings import Settings, load_settings
from pipelines.collection.backlog import streamed_sources
from pipelines.defs.anchor import anchor_job, anchor_schedule
from pipelines.defs.asset import bronze_asset, derived_asset, docs_asset, trend_asset
from pipelines.defs.automation import landing_sensor, nightly_schedule, refresh_job, retention_job, retention_schedule
from pipelines.defs.backup import backup_jobs, backup_schedules
from pipelines.defs.check import rule_parents, table_checks, without_references
from pipelines.defs.collection import collection_sensor, lag_checks, lag_key
from pipelines.defs.consent import consent_assets
from pipelines.defs.destination import destination_jobs, destination_schedule
from pipelines.defs.experiment import experiment_asset
from pipelines.defs.feature import feature_assets
from pipelines.defs.federated import model_assets, model_job, model_schedule
from pipelines.defs.landing import landing_check
from pipelines.defs.operation import operation_sensor
from pipelines.defs.place import place_job, place_schedule
from pipelines.defs.policy import policy_job, policy_schedule
from pipelines.defs.release import release_assets, release_checks, release_job
from pipelines.defs.report import report_assets, report_job, report_schedule
from pipelines.defs.retention import retention_asset
from pipelines.defs.rights import deadline_job, deadline_schedule, rights_job, rights_sensor
from pipelines.defs.rollout import rollout_job, rollout_schedule
from pipelines.defs.search import content_sensor, index_job, search_asset
from pipelines.defs.synthetic import synthetic_assets, synthetic_checks, synthetic_job
from pipelines.engine.session import open_engine
from pipelines.orchestration.event_day import EVENT_TABLE, daily_partitions
from pipelines.orchestration.pipeline_run import OpenEngine
from pipelines.orchestration.resource import PipelineRunResource
from pipelines.quality.metric import TABLE as TREND
from pipelines.unify.registry import all_tables


def build_definitions(
    installation: Installation | None = None, open_engine: OpenEngine = open_engine, *, is_locked: bool = False
) -> dg.Definitions:
    """Return all definitions of an installation.

    Args:
        installation: its contracts say which tables there are; None takes the settings of the environment.
        open_engine: opens the engine of a run.
        is_locked: whether the caller holds the lock of the data folder during its runs.

    Raises:
        SettingsError: the settings cannot be used.
        ContractError: a contract cannot be used.

    """
    installation = installation or Installation(load_settings())
    settings, contracts = installation.settings, installation.contracts
    streamed = streamed_sources(installation)
    refresh, retention, reports = refresh_job(map(lag_key, streamed)), retention_job(), report_job()
    index, places, models = index_job(installation), place_job(installation), model_job()
    policies = policy_job(installation)
    rights, deadlines = rights_job(installation), deadline_job(installation)
    anchors = [anchor_job(installation)] if settings.anchor_archive else []
    backups = backup_jobs(installation) if settings.backup else {}
    deliveries, rollouts = destination_jobs(installation), rollout_job(installation)
    with catch_warnings():
        # The policy "one run for a range of days" has been in beta for years, and the version of Dagster is locked.
        simplefilter("ignore", dg.BetaWarning)
        assets = [*_assets(settings, contracts), *feature_assets(installation), *model_assets(installation)]
    return dg.Definitions(
        assets=assets,
        asset_checks=[
            *(table_checks(checked, later) for checked, later in _checked(contracts).values()),
            *(landing_check(contract) for contract in contracts.sources),
            *release_checks(contracts),
            *synthetic_checks(),
            *lag_checks(streamed),
        ],
        jobs=[
            refresh,
            retention,
            reports,
            release_job(),
            synthetic_job(),
            models,
            index,
            places,
            policies,
            rights,
            deadlines,
            rollouts,
            *anchors,
            *backups.values(),
            *deliveries,
        ],
        schedules=[
            nightly_schedule(refresh, settings.time_zone),
            retention_schedule(retention, settings.time_zone),
            report_schedule(reports, settings.time_zone),
            model_schedule(models, settings.time_zone),
            deadline_schedule(deadlines, settings.time_zone),
            place_schedule(places, settings.time_zone),
            policy_schedule(policies, settings.time_zone),
            rollout_schedule(rollouts, installation),
            *(anchor_schedule(job, settings.time_zone) for job in anchors),
            *backup_schedules(backups, settings.time_zone),
            *(destination_schedule(job, settings.time_zone) for job in deliveries),
        ],
        sensors=[
            landing_sensor(refresh, settings, contracts),
            content_sensor(index, installation),
            rights_sensor(rights, installation),
            operation_sensor(installation),
            collection_sensor(installation),
        ],
        resources={"run": PipelineRunResource(installation=installation, open_engine=open_engine, is_locked=is_locked)},
        # Assets that are materialised from the UI outside the jobs share one engine as well.
        executor=dg.in_process_executor,
    )


def _assets(settings: Settings, contracts: Contracts) -> Iterator[dg.AssetsDefinition]:
    inputs, checked = _inputs(contracts), _checked(contracts)
    for contract in contracts.sources:
        yield bronze_asset(contract, checked[contract.table][0])
    yield from consent_assets()
    for table in all_tables(contracts):
        days = daily_partitions(settings) if table.name == EVENT_TABLE else None
        contract = checked[table.name][0]
        # Rules that read only tables built before this one can be checked while the next table is built.
        looks_back = rule_parents(contract) <= {table.name, *_ancestors(table.name, inputs)}
        yield derived_asset(table, contract, contracts, days, checks_early=looks_back)
    trend = contracts.table(TREND)
    yield trend_asset(trend)
    yield docs_asset(trend)
    yield retention_asset(contracts)
    yield search_asset()
    yield experiment_asset()
    yield from report_assets()
    yield from release_assets(contracts)
    yield from synthetic_assets(contracts)


def _inputs(contracts: Contracts) -> dict[str, tuple[str, ...]]:
    return {table.name: table.all_inputs(contracts) for table in all_tables(contracts)}


def _checked(contracts: Contracts) -> dict[str, tuple[Contract, frozenset[str]]]:
    """Return for each table the contract that it is checked against, and the tables that its checks cannot read.

    A table that is built from another one waits for the checks of the other one, so these checks cannot wait for it.
    """
    inputs = _inputs(contracts)
    checked = {}
    for name in (*(contract.table for contract in contracts.sources), *inputs):
        contract = contracts.table(name)
        later = frozenset(parent for parent in rule_parents(contract) if name in _ancestors(parent, inputs))
        checked[name] = (without_references(contract, later), later)
    return checked


def _ancestors(table: str, inputs: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    queue = [table]
    while queue:
        new = set(inputs.get(queue.pop(), ())) - found
        found |= new
        queue.extend(new)
    return frozenset(found)
