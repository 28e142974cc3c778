"""Puts the definitions together: everything follows from the settings, the contracts and the registry."""

from collections.abc import Iterable, Iterator, Mapping
from warnings import catch_warnings, simplefilter

import dagster as dg

from pipelines.config import Settings, load_settings
from pipelines.contracts.document import Contracts, load_contracts
from pipelines.defs.asset import bronze_asset, derived_asset, docs_asset, trend_asset
from pipelines.defs.automation import landing_sensor, nightly_schedule, refresh_job
from pipelines.defs.check import rule_parents, table_checks, without_references
from pipelines.defs.partition import EVENT_TABLE, daily_partitions
from pipelines.defs.resource import resources
from pipelines.quality.metric import TABLE as TREND
from pipelines.unify.registry import TABLES


def build_definitions(settings: Settings | None = None, contracts: Contracts | None = None) -> dg.Definitions:
    """Return all definitions. Without arguments, by the settings of the environment.

    Raises:
        SettingsError: the settings cannot be used.
        ContractError: a contract cannot be used.

    """
    settings = settings or load_settings()
    contracts = contracts or load_contracts(settings.contract_dirs)
    job = refresh_job()
    with catch_warnings():
        # One run for a range of days; in beta for years, and pinned by our requirements.
        simplefilter("ignore", dg.BetaWarning)
        assets = list(_assets(settings, contracts))
    return dg.Definitions(
        assets=assets,
        asset_checks=list(_checks(contracts)),
        jobs=[job],
        schedules=[nightly_schedule(job)],
        sensors=[landing_sensor(job, settings, contracts)],
        resources=resources(settings, contracts),
        # What is started from the UI outside the job shares one engine as well.
        executor=dg.in_process_executor,
    )


def _assets(settings: Settings, contracts: Contracts) -> Iterator[dg.AssetsDefinition]:
    for contract in contracts.sources:
        yield bronze_asset(contract)
    for table in TABLES:
        days = daily_partitions(settings) if table.name == EVENT_TABLE else None
        yield derived_asset(table, contracts.table(table.name), contracts, days)
    trend = contracts.table(TREND)
    yield trend_asset(trend, [*(contract.table for contract in contracts.sources), *(t.name for t in TABLES)])
    yield docs_asset(trend)


def _checks(contracts: Contracts) -> Iterator[dg.AssetChecksDefinition]:
    inputs = {table.name: table.all_inputs(contracts) for table in TABLES}
    for name in (*(contract.table for contract in contracts.sources), *inputs):
        contract = contracts.table(name)
        # What is built from this table waits for this table's checks, so they cannot wait for it.
        later = {parent for parent in rule_parents(contract) if name in _ancestors(parent, inputs)}
        yield table_checks(without_references(contract, later), later)


def _ancestors(table: str, inputs: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    queue = [table]
    while queue:
        new = set(inputs.get(queue.pop(), ())) - found
        found |= new
        queue.extend(new)
    return frozenset(found)
