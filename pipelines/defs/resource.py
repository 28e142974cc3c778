"""What a run holds open, as plain objects: opened once, shared by all its assets, closed at its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import dagster as dg

from installation.clock import wall_clock
from installation.contract.document import Contracts
from installation.installation import Installation
from installation.reference_date import ReferenceDate, decision_moment
from installation.settings import Settings
from pipelines.consent.build_log import BuildLog
from pipelines.derived_table.table import BuildContext
from pipelines.engine.session import Engine, open_engine
from pipelines.ingest.lock import run_lock
from pipelines.ingest.source_load import in_utc
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.quality.inspection import TableInspector, record_folder
from pipelines.register.customer_id import opaque_ids
from pipelines.register.matching_session import MatchingSession
from pipelines.register.register_contract import PURPOSE
from pipelines.register.register_entry import RegisterEntries, read_register_entries, stored_sketches
from pipelines.register.sketch_book import SketchBook, SketchKeys
from privacy.consent.view import ConsentView
from privacy.protection.source_person import Protection

_UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def resources(settings: Settings, contracts: Contracts) -> dict[str, Any]:
    """Return the resources of the definitions, by the name under which assets ask for them."""
    return {
        "settings": dg.ResourceDefinition.hardcoded_resource(settings),
        "installation": installation,
        "contracts": dg.ResourceDefinition.hardcoded_resource(contracts),
        "clock": dg.ResourceDefinition.hardcoded_resource(wall_clock),
        "lock": lock,
        "engine": engine,
        "lakehouse": lakehouse,
        "protection": protection,
        "today": run_day,
        "gate": gate,
        "consent": consent,
        "account": account,
        "build_context": build_context,
    }


@dg.resource(required_resource_keys={"settings"}, description="One run at a time in a data folder.")
def lock(context: dg.InitResourceContext) -> Iterator[None]:
    """Hold the data folder. Whoever is still marked as running without this lock was killed: say so."""
    settings: Settings = context.resources.settings
    with run_lock(settings.data_dir):
        if context.instance and context.run:
            bury_dead_runs(context.instance, context.run.run_id)
        yield None


@dg.resource(required_resource_keys={"settings"}, description="Settings, contracts, secrets and stores.")
def installation(context: dg.InitResourceContext) -> Iterator[Installation]:
    """Open the installation that the settings describe; close what was opened at the end."""
    with Installation(context.resources.settings) as opened:
        yield opened


@dg.resource(required_resource_keys={"settings", "lock"}, description="The Spark session of the run.")
def engine(context: dg.InitResourceContext) -> Iterator[Engine]:
    """Open the engine that the settings name."""
    with open_engine(context.resources.settings) as opened:
        yield opened


@dg.resource(required_resource_keys={"settings", "engine"}, description="The Delta tables.")
def lakehouse(context: dg.InitResourceContext) -> SparkLakehouse:
    """Return the tables below the lakehouse's root."""
    settings: Settings = context.resources.settings
    return SparkLakehouse(settings.lakehouse_root, context.resources.engine.spark, settings.storage_options)


@dg.resource(
    required_resource_keys={"installation", "lock"}, description="Matching keys, and the keys that encrypt identifiers."
)
def protection(context: dg.InitResourceContext) -> Protection:
    """Open the secrets of this installation."""
    held: Installation = context.resources.installation
    return held.protection


@dg.resource(
    required_resource_keys={"settings", "contracts", "lakehouse"},
    description="The day that the run calls today.",
)
def run_day(context: dg.InitResourceContext) -> ReferenceDate:
    """Return what finds the day once, when first asked: by then all sources are loaded."""
    held = context.resources
    return ReferenceDate(held.settings, held.contracts, held.lakehouse)


@dg.resource(
    required_resource_keys={"settings", "contracts", "lakehouse", "clock"},
    description="Checks tables, once for each state.",
)
def gate(context: dg.InitResourceContext) -> Iterator[TableInspector]:
    """Yield the table inspector; at the end, wait for its checks and complete the trend and Data Docs."""
    held = context.resources
    opened = TableInspector(
        lakehouse=held.lakehouse,
        contracts=held.contracts,
        folder=record_folder(held.settings),
        site=held.settings.quality_site_dir,
        load_id=context.run.run_id if context.run else "no_run",
        measured_at=in_utc(held.clock()),
    )
    yield opened
    opened.close()


@dg.resource(
    required_resource_keys={"settings", "installation", "contracts", "today", "clock"},
    description="What people agreed to, as this run sees it.",
)
def consent(context: dg.InitResourceContext) -> Callable[[], ConsentView]:
    """Return a function that makes the view once the day is known."""
    held = context.resources

    @cache
    def make() -> ConsentView:
        moment = decision_moment(held.settings, held.contracts, held.today(), held.clock())
        view: ConsentView = held.installation.consent_view(moment)
        return view

    return make


@dg.resource(required_resource_keys={"installation"}, description="Logs which tables of persons the run builds.")
def account(context: dg.InitResourceContext) -> Iterator[BuildLog]:
    """Give the account; its log is opened when the first build is to be logged."""
    held: Installation = context.resources.installation
    opened = BuildLog(lambda: held.audit_log, context.run.run_id if context.run else "no_run")
    yield opened
    opened.close()


@dg.resource(
    required_resource_keys={"settings", "installation", "contracts", "engine", "today", "lakehouse", "consent"},
    description="What a build needs besides its inputs.",
)
def build_context(context: dg.InitResourceContext) -> Callable[[], BuildContext]:
    """Return a function that makes the context once the day is known."""
    held = context.resources

    @contextmanager
    def people() -> Iterator[RegisterEntries]:
        book = SketchBook(SketchKeys.of(held.installation.tokenizer), stored_sketches(held.lakehouse))
        reveal = held.installation.revealer("bojagi run", PURPOSE)
        yield read_register_entries(held.lakehouse, held.contracts, reveal, book)

    def make() -> BuildContext:
        matching = MatchingSession(people)
        spark = held.engine.spark
        return BuildContext(held.contracts, held.today(), opaque_ids(), spark, held.consent(), matching)

    return cache(make)


def bury_dead_runs(instance: dg.DagsterInstance, living_run_id: str) -> None:
    """Mark as failed every unfinished run but the living one. Call it with the lock in hand."""
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNFINISHED)):
        if run.run_id != living_run_id:
            instance.report_run_failed(run, "Its process ended before the run did. Finished tables are kept.")
