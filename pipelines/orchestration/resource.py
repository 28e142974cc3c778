"""What a run holds open, as plain objects: opened once, shared by all its assets, closed at its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import dagster as dg

from pipelines.as_of import RunDay
from pipelines.clock import wall_clock
from pipelines.config import Settings
from pipelines.consent.account import BuildAccount
from pipelines.consent.moment import decision_moment
from pipelines.consent.view import ConsentView
from pipelines.contracts.document import Contracts
from pipelines.engine import Engine, open_engine
from pipelines.gate import Gate, outcome_folder
from pipelines.identity.opaque_id import opaque_ids
from pipelines.identity.person_record import PersonRecords, kept_sketches, read_person_records
from pipelines.identity.person_register import PURPOSE
from pipelines.identity.session import MatchingSession
from pipelines.identity.sketch_book import SketchBook
from pipelines.ingest.load import in_utc
from pipelines.ingest.lock import run_lock
from pipelines.lakehouse import Lakehouse
from pipelines.orchestration.instance import fail_orphaned_runs
from pipelines.privacy_store import open_audit_log, open_consent_view, open_protection, open_revealer, open_sketch_keys
from pipelines.protection import Protection
from pipelines.unify.table import BuildContext


def resources(settings: Settings, contracts: Contracts) -> dict[str, Any]:
    """Return the resources of the definitions, by the name under which assets ask for them."""
    return {
        "settings": dg.ResourceDefinition.hardcoded_resource(settings),
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
            fail_orphaned_runs(context.instance, context.run.run_id)
        yield None


@dg.resource(required_resource_keys={"settings", "lock"}, description="The Spark session of the run.")
def engine(context: dg.InitResourceContext) -> Iterator[Engine]:
    """Open the engine that the settings name."""
    with open_engine(context.resources.settings) as opened:
        yield opened


@dg.resource(required_resource_keys={"settings", "engine"}, description="The Delta tables.")
def lakehouse(context: dg.InitResourceContext) -> Lakehouse:
    """Return the tables below the lakehouse's root."""
    settings: Settings = context.resources.settings
    return Lakehouse(settings.lakehouse_root, context.resources.engine.spark, settings.storage_options)


@dg.resource(
    required_resource_keys={"settings", "lock"}, description="Matching keys, and the keys that encrypt identifiers."
)
def protection(context: dg.InitResourceContext) -> Iterator[Protection]:
    """Open the secrets of this installation."""
    with open_protection(context.resources.settings) as opened:
        yield opened


@dg.resource(
    required_resource_keys={"settings", "contracts", "lakehouse"},
    description="The day that the run calls today.",
)
def run_day(context: dg.InitResourceContext) -> RunDay:
    """Return what finds the day once, when first asked: by then all sources are loaded."""
    held = context.resources
    return RunDay(held.settings, held.contracts, held.lakehouse)


@dg.resource(
    required_resource_keys={"settings", "contracts", "lakehouse", "clock"},
    description="Checks tables, once for each state.",
)
def gate(context: dg.InitResourceContext) -> Iterator[Gate]:
    """Give the gate; at the end add to the trend and the Data Docs what a halted run left out."""
    held = context.resources
    opened = Gate(
        lakehouse=held.lakehouse,
        contracts=held.contracts,
        folder=outcome_folder(held.settings),
        site=held.settings.quality_site_dir,
        load_id=context.run.run_id if context.run else "no_run",
        measured_at=in_utc(held.clock()),
    )
    yield opened
    opened.close()


@dg.resource(
    required_resource_keys={"settings", "contracts", "today", "clock"},
    description="What people agreed to, as this run sees it.",
)
def consent(context: dg.InitResourceContext) -> Callable[[], ConsentView]:
    """Return a function that makes the view once the day is known."""
    held = context.resources

    @cache
    def make() -> ConsentView:
        moment = decision_moment(held.settings, held.contracts, held.today(), held.clock())
        return open_consent_view(held.settings, moment)

    return make


@dg.resource(required_resource_keys={"settings"}, description="Logs which tables of persons the run builds.")
def account(context: dg.InitResourceContext) -> Iterator[BuildAccount]:
    """Give the account; its log is opened when the first build is to be logged."""
    settings: Settings = context.resources.settings
    opened = BuildAccount(lambda: open_audit_log(settings), context.run.run_id if context.run else "no_run")
    yield opened
    opened.close()


@dg.resource(
    required_resource_keys={"settings", "contracts", "engine", "today", "lakehouse", "consent"},
    description="What a build needs besides its inputs.",
)
def build_context(context: dg.InitResourceContext) -> Callable[[], BuildContext]:
    """Return a function that makes the context once the day is known."""
    held = context.resources

    @contextmanager
    def people() -> Iterator[PersonRecords]:
        book = SketchBook(open_sketch_keys(held.settings), kept_sketches(held.lakehouse))
        with open_revealer(held.settings, "bojagi run", PURPOSE) as reveal:
            yield read_person_records(held.lakehouse, held.contracts, reveal, book)

    def make() -> BuildContext:
        matching = MatchingSession(people)
        spark = held.engine.spark
        return BuildContext(held.contracts, held.today(), opaque_ids(), spark, held.consent(), matching)

    return cache(make)
