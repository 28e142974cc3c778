"""The objects that the steps of one run share: opened once, closed when the run ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from installation.contract.document import Contract, Contracts
from installation.installation import Installation
from installation.object_store.place import is_url
from installation.reference_date import reference_date
from installation.settings import Settings
from pipelines.collection.backlog import streamed_sources
from pipelines.consent.build_log import BuildLog
from pipelines.derived_table.fed_table import FedTables
from pipelines.derived_table.input_table import absent_table
from pipelines.derived_table.table import BuildContext
from pipelines.engine.session import Engine
from pipelines.engine.shared_path import require_shared
from pipelines.erasure.restored_table import keep_erased
from pipelines.ingest.load_id import in_utc
from pipelines.ingest.load_verdict import LoadVerdict, judge_tables
from pipelines.ingest.lock import LOAD_PATIENCE_SECONDS, load_lock
from pipelines.ingest.quarantine import Quarantine
from pipelines.lakehouse.spark_lakehouse import SparkLakehouse
from pipelines.lakehouse.table_copy import FOLDER
from pipelines.quality.inspection import TableInspector
from pipelines.register.customer_id import opaque_ids
from pipelines.register.matching_session import MatchingSession
from pipelines.register.register_contract import PURPOSE
from pipelines.register.register_entry import RegisterEntries, read_register_entries, stored_sketches
from pipelines.register.sketch_book import SketchBook, SketchKeys
from pipelines.unify.registry import all_tables
from privacy.consent.view import ConsentView
from privacy.protection.source_person import Protection

OpenEngine = Callable[[Settings], AbstractContextManager[Engine]]


@dataclass(frozen=True)
class PipelineRun:
    """The installation, the tables and the run-wide decisions that the steps of one run work with."""

    run_id: str
    installation: Installation
    engine: Engine
    protection: Protection
    """The matching keys and the encryption of identifiers. Opened before the first step, so that a missing key fails
    the run with one message and not each source with its own."""

    @property
    def settings(self) -> Settings:
        """The settings of the installation."""
        return self.installation.settings

    @property
    def contracts(self) -> Contracts:
        """The contracts of the installation."""
        return self.installation.contracts

    @cached_property
    def lakehouse(self) -> SparkLakehouse:
        """The Delta tables, read and written with the run's engine."""
        settings, is_remote = self.settings, self.engine.is_remote
        copies = settings.fetch_dir / FOLDER if is_url(settings.lakehouse_root) and not is_remote else None
        found = SparkLakehouse(settings.lakehouse_root, self.engine.spark, settings.storage_options, copies)
        # Their rows come while the run works; all tables must be built from the same ones.
        found.pin(contract.table for contract in streamed_sources(self.installation))
        return found

    @cached_property
    def reference_date(self) -> date:
        """The date to which ages, recencies and freshness count: the same for all tables, also past midnight."""
        return reference_date(self.settings, self.installation.clock())

    @cached_property
    def fed(self) -> FedTables:
        """The tables that have input."""
        return FedTables(all_tables(self.contracts), self.contracts, self.lakehouse)

    @cached_property
    def inspector(self) -> TableInspector:
        """Checks tables, once for each state of a table."""
        return TableInspector(
            lakehouse=self.lakehouse,
            contracts=self.contracts,
            records=self.installation.inspection_records,
            site=self.settings.quality_site_dir,
            load_id=self.run_id,
            measured_at=in_utc(self.installation.clock()),
            as_of=self.reference_date,
            stand_in=lambda name: None if name in self.fed else absent_table(name, self.contracts, self.engine.spark),
        )

    @cached_property
    def consent(self) -> ConsentView:
        """The consent record at the run's decision moment."""
        return self.installation.consent_view(self.installation.decision_moment())

    @cached_property
    def build_log(self) -> BuildLog:
        """Writes the builds of tables about customers to the audit log."""
        return BuildLog(lambda: self.installation.audit_log, self.run_id)

    @cached_property
    def build_context(self) -> BuildContext:
        """What builders of derived tables need besides their inputs."""
        matching = MatchingSession(self._register_entries)
        return BuildContext(
            self.contracts,
            self.reference_date,
            opaque_ids(),
            self.engine.spark,
            self.consent,
            matching,
            self.settings.time_zone,
            self.fed,
        )

    @cached_property
    def verdicts(self) -> dict[str, LoadVerdict]:
        """The judgements of the sources that this run has loaded so far, by table."""
        return {}

    def verdict(self, contract: Contract) -> LoadVerdict:
        """Return the judgement of a source's loads; if this run did not load it, from the tables."""
        known = self.verdicts.get(contract.table)
        if known is not None:
            return known
        refused = Quarantine(contract, self.lakehouse, self.protection).refused_files()
        return judge_tables(contract, self.lakehouse, list(refused.values()))

    @contextmanager
    def writing(self, tables: Collection[str]) -> Iterator[None]:
        """Exclude loads of collected events for the block, which writes to these tables or rewrites them."""
        with load_lock(self.settings.data_dir, LOAD_PATIENCE_SECONDS):
            self.lakehouse.unpin(tables)
            try:
                yield
            finally:
                self.lakehouse.pin(one.table for one in streamed_sources(self.installation) if one.table in tables)

    @contextmanager
    def _register_entries(self) -> Iterator[RegisterEntries]:
        book = SketchBook(SketchKeys.of(self.installation.tokenizer), stored_sketches(self.lakehouse))
        reveal = self.installation.revealer("bojagi run", PURPOSE)
        yield read_register_entries(self.lakehouse, self.contracts, reveal, book)

    def close(self) -> None:
        """Finish checks that a halted run left unfinished, add them to the trend, and write the build log."""
        if "inspector" in vars(self):
            self.inspector.close()
        if "build_log" in vars(self):
            self.build_log.close()


@contextmanager
def open_run(run_id: str, installation: Installation, open_engine: OpenEngine) -> Iterator[PipelineRun]:
    """Open the secrets and the engine and give the shared objects of a run; close them and the installation at the end.

    The caller must hold the lock of the data folder, which may admit loads.

    Raises:
        SecretError: the token secret cannot be used.
        ProtectionError: the key store cannot be used.
        EngineError: the engine cannot be opened, or does not reach the lakehouse.
        ReturnedPersonError: a restored table holds an erased person, who cannot be erased again.
    """
    with installation, open_engine(installation.settings) as engine:
        with load_lock(installation.settings.data_dir, LOAD_PATIENCE_SECONDS):
            keep_erased(installation)
        run = PipelineRun(run_id, installation, engine, installation.protection)
        try:
            if engine.is_remote:
                require_shared(run.lakehouse, engine.name)
            yield run
            run.close()
        finally:
            if "lakehouse" in vars(run):
                run.lakehouse.close()
