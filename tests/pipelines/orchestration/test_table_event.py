"""A table is reported as materialised when it was written, and only then; what is built from it is built either way."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from installation.settings import Settings
from pipelines.derived_table.table import DerivedTable
from pipelines.orchestration.instance import open_instance
from pipelines.orchestration.metadata import asset_key
from pipelines.orchestration.table_event import report_table
from pipelines.unify import registry
from tests.pipelines.dagster_market import TABLES, Refresh
from tests.pipelines.orchestration.test_refresh import break_region, land_late_weather

BESIDE = {"gold/quality_metric", "quality/data_docs"}
MATERIALISED, OBSERVED = dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_OBSERVATION


def _reported(settings: Settings, kind: dg.DagsterEventType) -> set[str]:
    """Return the assets for which the newest run has an event of this kind."""
    with open_instance(settings) as instance:
        (run,) = instance.get_runs(limit=1)
        events = [entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=kind)]
    return {"/".join(event.asset_key.path) for event in events if event and event.asset_key}


def _last_materialised(settings: Settings) -> dict[str, float]:
    with open_instance(settings) as instance:
        events = {table: instance.get_latest_materialization_event(asset_key(table)) for table in TABLES}
    return {table: event.timestamp for table, event in events.items() if event}


@pytest.mark.usefixtures("after_first_run")
def test_a_run_without_new_files_observes_every_table_and_materialises_none(run: Refresh, settings: Settings) -> None:
    assert _reported(settings, MATERIALISED) == set(TABLES)
    assert _reported(settings, OBSERVED) == set()
    before = _last_materialised(settings)
    progress = run()
    assert all(turn.is_finished and turn.is_up_to_date for turn in progress.turns.values())
    assert all(turn.rows for turn in progress.turns.values())
    assert _reported(settings, MATERIALISED) == set()
    assert _reported(settings, OBSERVED) == set(TABLES)
    assert _last_materialised(settings) == before
    assert len(before) == len(TABLES)


@pytest.mark.usefixtures("after_first_run")
def test_a_new_file_materialises_its_source_and_what_changes_below_it(
    run: Refresh, settings: Settings, market: Path
) -> None:
    before = _last_materialised(settings)
    land_late_weather(settings, market)
    run()
    changed = {"bronze/weather", "silver/calendar"}
    assert _reported(settings, MATERIALISED) == changed
    assert _reported(settings, OBSERVED) == set(TABLES) - changed
    after = _last_materialised(settings)
    assert {table for table in TABLES if after[table] > before[table]} == changed


@pytest.mark.usefixtures("after_first_run")
def test_a_changed_table_below_current_tables_is_built(
    run: Refresh, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _raise_version(monkeypatch, "silver/calendar")
    turns = {turn.table: turn for turn in run().turns.values()}
    assert _reported(settings, MATERIALISED) == {"silver/calendar"}
    assert _reported(settings, OBSERVED) == set(TABLES) - {"silver/calendar"}
    assert not turns["silver/calendar"].is_up_to_date
    assert turns["silver/calendar"].is_finished


def _raise_version(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Change one table's build, as a new version of Bojagi would."""

    def changed(table: DerivedTable) -> DerivedTable:
        return replace(table, version=table.version + 1) if table.name == name else table

    monkeypatch.setattr("pipelines.unify.registry.TABLES", tuple(map(changed, registry.TABLES)))


@pytest.mark.usefixtures("after_first_run")
def test_a_current_table_is_materialised_again_only_when_dagster_has_no_record_of_it(
    run: Refresh, settings: Settings
) -> None:
    with open_instance(settings) as instance:
        instance.wipe_assets([asset_key("bronze/region")])
    progress = {turn.table: turn for turn in run().turns.values()}
    assert _reported(settings, MATERIALISED) == {"bronze/region"}
    assert progress["bronze/region"].is_up_to_date
    run()
    assert _reported(settings, MATERIALISED) == set()


@pytest.mark.usefixtures("after_first_run")
def test_in_a_failed_run_a_current_table_keeps_its_last_materialisation_and_a_blocked_one_counts_as_failed(
    run: Refresh, settings: Settings
) -> None:
    with open_instance(settings) as instance:
        (first,) = instance.get_runs()
    break_region(settings)
    assert run().error is None
    with open_instance(settings) as instance:
        (failed,) = instance.get_runs(limit=1)
        # Dagster's UI shows an asset as failed when its newest plan, or its last run, is one that has failed.
        plans = {table: instance.get_latest_planned_materialization_info(asset_key(table)) for table in TABLES}
        records = instance.get_asset_records([asset_key(table) for table in TABLES])
    assert failed.status is dg.DagsterRunStatus.FAILURE
    newest = dict.fromkeys(("bronze/weather", "bronze/cj_transactions"), first.run_id)
    newest |= dict.fromkeys(("bronze/region", "silver/calendar"), failed.run_id)
    assert {table: plan.run_id for table, plan in plans.items() if plan} == newest
    assert {"/".join(one.asset_entry.asset_key.path): one.asset_entry.last_run_id for one in records} == newest


class Chain:
    """Three assets, one below the other, each with a blocking check. `states` says what each has become."""

    def __init__(self) -> None:
        self.states = {"top": "1", "middle": "1", "bottom": "1"}
        self.built: list[str] = []

    def assets(self) -> Iterator[dg.AssetsDefinition | dg.AssetChecksDefinition]:
        above = None
        for name in self.states:
            yield self._asset(name, above)
            yield self._check(name)
            above = name

    def _asset(self, name: str, above: str | None) -> dg.AssetsDefinition:
        @dg.asset(name=name, deps=[above] if above else [])
        def build(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
            self.built.append(name)
            return report_table(context, {}, is_current=True, state=self.states[name])

        return build

    def _check(self, name: str) -> dg.AssetChecksDefinition:
        @dg.asset_check(asset=name, blocking=True)
        def holds() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=True)

        return holds


def test_steps_below_an_observed_asset_run_and_a_changed_one_among_them_is_materialised() -> None:
    chain = Chain()
    with dg.DagsterInstance.ephemeral() as instance:

        def materialised() -> list[str]:
            chain.built.clear()
            done = dg.materialize(list(chain.assets()), instance=instance)
            assert chain.built == ["top", "middle", "bottom"]
            assert len(done.get_asset_check_evaluations()) == 3
            return [event.asset_key.path[0] for event in done.get_asset_materialization_events() if event.asset_key]

        assert materialised() == ["top", "middle", "bottom"]
        assert materialised() == []
        chain.states["bottom"] = "2"
        assert materialised() == ["bottom"]
        chain.states["top"] = "2"
        assert materialised() == ["top"]
