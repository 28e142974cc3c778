"""One installation: its settings, clock, contracts, tables, secrets and the opened stores of the privacy engine.

With the setting `database` the stores are tables of PostgreSQL (`installation.database`). Otherwise they are files. In
`data_dir`: consent/, rights/, correction/, audit/, dp/, released/, *.check, run_date.toml. In
`secret_dir`, a folder that belongs on another disk in production, apart from the data and from its backups: *.key,
*.anchor, keys.db, key_encryption.json, suppression.db.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

from installation.access.arrow_table import ArrowTables
from installation.clock import wall_clock
from installation.contract.document import Contracts, load_contracts
from installation.data_secret import (
    note_into,
    open_audit_log,
    open_corrections,
    open_documents,
    open_key_store,
    open_release_registry,
    open_suppression,
    open_tokenizer,
)
from installation.database import open_server
from installation.external_store import open_fleet_ledger
from installation.lakehouse.lakehouse import Lakehouse
from installation.object_store.place import require_reachable
from installation.reference_date import decision_moment, reference_date, shop_time
from installation.secret_key import open_key
from installation.settings import Settings
from installation.shared_file import SharedFiles
from installation.thread_store import ThreadStores
from privacy.access.reader import Frame, TableBackend, TableReader
from privacy.access.role import Roles, built_in_roles
from privacy.audit import AuditLog
from privacy.catalog import Catalog, build_catalog
from privacy.consent.live_decision import LiveDecisions
from privacy.consent.policy import Policy, built_in_policy
from privacy.consent.record import SUBJECT_TOKEN_KIND, is_opaque_id
from privacy.consent.service import ConsentService
from privacy.consent.store import ConsentStore
from privacy.consent.view import ConsentView
from privacy.contract.collection import Documents
from privacy.contract.document import Document
from privacy.protection.correction_list import CorrectionList
from privacy.protection.field import FieldCipher
from privacy.protection.key_store import WrappedKeyStore
from privacy.protection.key_wrapper import KeyWrapper
from privacy.protection.revealer import Revealer
from privacy.protection.source_person import Protection
from privacy.protection.suppression import SuppressionList
from privacy.protection.token import Tokenizer
from privacy.storage.database import is_unwritten

if TYPE_CHECKING:
    import pyarrow as pa

    from privacy.anonymity.registry import ReleaseRegistry
    from privacy.dp.ledger import Ledger
    from privacy.protection.data_key import KeyStore
    from privacy.rights.request_store import RequestStore
    from privacy.rights.service import RightsService
    from privacy.storage.database import Place
    from privacy.storage.document_store import DocumentStore
    from privacy.storage.postgres import PostgresServer


@dataclass(frozen=True)
class Installation:
    """Opens and closes the settings, tables, secrets and stores of one installation. Use it as a context manager.

    Commands, Dagster's resources and HTTP applications use it. Everything is opened at its first use and closed at the
    end. SQLite stores are opened once per thread, and an attribute returns the store of the calling thread. The stores
    of a thread that has ended are closed, unless something still uses them. A forked process opens its own. `clock`
    returns the time with its zone.
    """

    settings: Settings
    clock: Callable[[], datetime] = wall_clock
    _stores: ThreadStores = field(default_factory=ThreadStores, init=False, repr=False, compare=False)

    def __enter__(self) -> Installation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close everything that was opened, also by other threads. These threads must have finished their work.

        A later use opens the stores anew, as the next run of a Dagster code location does.
        """
        self._stores.close()
        if (server := self.__dict__.get("server")) is not None:
            server.close()

    @cached_property
    def contracts(self) -> Contracts:
        """The contracts of the settings' folders.

        Raises:
            ContractError: with every fault of every contract.
        """
        return load_contracts(self.settings.contract_dirs)

    @cached_property
    def catalog(self) -> Catalog:
        """The data map of the contracts."""
        return build_catalog(self.contracts.values())

    @cached_property
    def lakehouse(self) -> Lakehouse:
        """The Delta tables by name, without an engine; raises `ObjectStoreError` if their store cannot be used."""
        root, options = self.settings.lakehouse_root, self.settings.storage_options
        require_reachable(root, options)
        return Lakehouse(root, options)

    @property
    def policy(self) -> Policy:
        """The purposes and laws by which consent is decided."""
        return built_in_policy()

    @property
    def roles(self) -> Roles:
        """The roles that may read tables."""
        return built_in_roles()

    def reference_date(self) -> date:
        """Return the date to which ages, recencies, freshness and retention count. Data cannot move it."""
        return reference_date(self.settings, self.clock())

    def decision_moment(self) -> datetime:
        """Return the moment at which consent is decided now, as the shop's local wall time."""
        return decision_moment(self.settings, self.contracts, self.clock())

    def shop_time(self) -> datetime:
        """Return the time now as the shop's local wall time, without zone."""
        return shop_time(self.settings, self.clock())

    @property
    def consent_path(self) -> Place:
        """The file of the consent store, or the server."""
        return self.server or self.settings.data_dir / "consent" / "consent.db"

    @property
    def has_consent_record(self) -> bool:
        """Whether a consent record exists; a new and empty one would forget every objection."""
        return not is_unwritten(self.consent_path, "consent")

    @cached_property
    def server(self) -> PostgresServer | None:
        """The PostgreSQL server of the stores; None if they are files.

        Raises:
            SettingsError: the setting `database` cannot be used.
        """
        return open_server(self.settings)

    def open_consent_store(self) -> ConsentStore:
        """Return a new connection to the consent store, to be closed by the caller."""
        return ConsentStore(self.consent_path, self.policy.taxonomy)

    @property
    def consent_store(self) -> ConsentStore:
        """The consent store, one connection per thread."""
        return self._stores.once("consent_store", self.open_consent_store)

    def consent_service(self) -> ConsentService:
        """Return the service that records consents, withdrawals and objections of known customers."""
        return ConsentService(
            self.consent_store, self.policy, self.settings.controller, self.shop_time, self.decision_moment,
            self.lists_customer, self.settings.time_zone,
        )  # fmt: skip

    def lists_customer(self, identifier: str) -> bool:
        """Return whether silver/identifier lists this identifier, as a customer or as a source person with consents."""
        table = "silver/identifier"
        # An opaque identifier has no quote, so it cannot break out of the SQL text below.
        if not is_opaque_id(identifier) or not self.lakehouse.exists(table):
            return False
        source_person = f"(token = '{identifier}' AND token_kind = '{SUBJECT_TOKEN_KIND}')"
        where = f"customer_id = '{identifier}' OR {source_person}"
        return bool(self.lakehouse.select(table, "count(*) AS found", where)["found"][0].as_py())

    def consent_view(self, moment: datetime | None = None) -> ConsentView:
        """Return a view of the current consent record, for decisions at `moment`; None takes `decision_moment`."""
        controller = self.settings.controller
        return ConsentView(self.open_consent_store, self.policy, controller, moment or self.decision_moment())

    @property
    def live_decisions(self) -> LiveDecisions:
        """Consent decisions from memory that follow the store; one object per thread, built at its first use."""
        return self._stores.once(
            "live_decisions",
            lambda: LiveDecisions(self.consent_store, self.policy, self.settings.controller),
            closes=False,
        )

    @property
    def has_requests(self) -> bool:
        """Whether a data subject has ever made a request."""
        return not is_unwritten(self.server or self.settings.data_dir / "rights" / "request.db", "rights")

    @property
    def request_store(self) -> RequestStore:
        """The store of requests of data subjects, one connection per thread; see `open_request_store`."""
        return self._stores.once("request_store", lambda: self.open_request_store(self._key_store))

    def open_request_store(self, keys: KeyStore, *, joins: bool = False) -> RequestStore:
        """Return a new connection to the store of requests, to be closed by the caller."""
        # Imported here, so that commands that take no requests start faster.
        from installation.rights_opening import open_request_store

        return open_request_store(self.settings, self.server, keys, joins=joins)

    def rights_service(self) -> RightsService:
        """Return the service that takes requests of data subjects and decides on them."""
        from installation.rights_opening import rights_service

        return rights_service(
            self.request_store, self.audit_log, self.consent_service, self.lists_customer, self.clock,
            self.settings.time_zone,
        )  # fmt: skip

    def table_reader(self, who: str) -> TableReader[pa.Table]:
        """Return the reader of tables for one user or service, as Arrow tables and without an engine."""
        return self.reader_on(self.arrow_tables, who)

    @property
    def arrow_tables(self) -> ArrowTables:
        """The tables as Arrow tables, with the consent decisions of now."""
        return ArrowTables(self.lakehouse, self.policy, self._decisions_now)

    def reader_on(self, backend: TableBackend[Frame], who: str) -> TableReader[Frame]:
        """Return the reader of tables for one user or service on another backend, such as Spark."""
        return TableReader(
            backend=backend,
            contracts=cast("Documents[Document]", self.contracts),
            roles=self.roles,
            policy=self.policy,
            moment=self.decision_moment,
            audit=self.audit_log,
            secret=self.pseudonym_key,
            who=who,
            clock=self.clock,
        )

    @property
    def audit_log(self) -> AuditLog:
        """The audit log, one connection per thread."""
        return self._stores.once("audit_log", self.open_audit_log)

    def open_audit_log(self, *, joins: bool = False) -> AuditLog:
        """Return a new connection to the audit log, to be closed by the caller; raises `AuditError`."""
        return open_audit_log(self.settings, self.server, joins=joins)

    def open_key(self, name: str) -> bytes:
        """Return a key of the secret folder, see `installation.secret_key.open_key`."""
        return open_key(self.settings, self.server, name)

    @cached_property
    def pseudonym_key(self) -> bytes:
        """The secret key from which the pseudonyms for roles are computed."""
        return self.open_key("pseudonym.key")

    @cached_property
    def synthetic_key(self) -> bytes:
        """The secret key that seals models of synthetic data, and that decides which people are held out of a fit."""
        return self.open_key("synthetic.key")

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, which makes matching keys with the same secret as those in the tables.

        Raises:
            SecretError: the secret is missing, is another one, or cannot be used.
        """
        return open_tokenizer(self.settings)

    def open_key_store(self, wrapper: KeyWrapper | None = None, *, joins: bool = False) -> WrappedKeyStore:
        """Return a new connection to the key store, to be closed by the caller; see `data_secret.open_key_store`."""
        return open_key_store(self.settings, self.server, wrapper, joins=joins)

    @property
    def protection(self) -> Protection:
        """The tokenizer and the cipher of identifiers, with one key store per thread.

        Raises:
            SecretError: the token secret cannot be used.
            ProtectionError: the key store cannot be used.
        """
        return self._stores.once(
            "protection",
            lambda: Protection(self.tokenizer, FieldCipher(self._key_store), self.suppression, self._corrections),
            closes=False,
        )

    @property
    def _key_store(self) -> WrappedKeyStore:
        return self._stores.once("key_store", self.open_key_store)

    @property
    def suppression(self) -> SuppressionList:
        """The list of erased persons, one connection per thread; raises `SuppressionError`."""
        return self._stores.once("suppression", self.open_suppression)

    def open_suppression(self, *, joins: bool = False) -> SuppressionList:
        """Return a new connection to the list of erased persons, to be closed by the caller."""
        return open_suppression(self.settings, self.server, self.tokenizer, joins=joins)

    @property
    def _corrections(self) -> CorrectionList:
        opened = partial(open_corrections, self.settings, self.server, FieldCipher(self._key_store), self.tokenizer)
        return self._stores.once("corrections", opened)

    def revealer(self, who: str, purpose: str) -> Revealer:
        """Return the revealer, which decrypts identifiers in memory for one purpose.

        Each use is logged before anything is decrypted.

        Raises:
            SecretError: the token secret cannot be used.
            ProtectionError: the key store cannot be used.
            AuditError: the audit log cannot be opened.
        """
        return Revealer(self.protection, purpose, note_into(self.audit_log, who, purpose))

    @property
    def ledger(self) -> Ledger:
        """The privacy ledger, see `open_ledger`; one connection per thread."""
        return self._stores.once("ledger", self.open_ledger)

    def open_ledger(self, *, joins: bool = False) -> Ledger:
        """Return the privacy ledger, to be closed by the caller: in a file, or in a fleet's PostgreSQL.

        Args:
            joins: whether this machine, which has no anchor yet, accepts PostgreSQL's ledger as it is now.

        Raises:
            SettingsError: the settings name a PostgreSQL that cannot be used.
            LedgerDamaged: the ledger was changed or restored from an older copy.
        """
        # Imported here, so that processes that serve requests need not load the ledger.
        from privacy.dp.ledger import Ledger
        from privacy.dp.sqlite_store import SqliteStore

        if self.has_shared_ledger:
            return open_fleet_ledger(self.settings, self.server, self._ledger_anchor, joins=joins)
        return Ledger(SqliteStore(self._ledger_file, self._ledger_anchor))

    @property
    def has_shared_ledger(self) -> bool:
        """Whether several machines spend from the privacy ledger, which then is in PostgreSQL."""
        return self.settings.ledger_postgres_file is not None or self.server is not None

    def release_registry(self) -> ReleaseRegistry:
        """Return the registry of anonymous releases and their recipients. It stores people as keyed hashes.

        Raises:
            SecretError: the secret behind the hashes is missing or cannot be used.
        """
        return open_release_registry(self.settings, self.server)

    @property
    def inspection_records(self) -> DocumentStore:
        """The results of the checks of tables, one document a table."""
        return open_documents(self.settings.data_dir / "quality/outcome", self.server, "inspections", is_durable=False)

    @property
    def shared_files(self) -> SharedFiles:
        """The files of the data folder that all machines of a database have, such as models."""
        return SharedFiles(self.settings.data_dir, self.server)

    def _decisions_now(self) -> LiveDecisions:
        """The decisions, with everything that was stored before this call."""
        self.live_decisions.refresh()
        return self.live_decisions

    @property
    def has_ledger(self) -> bool:
        """Whether there is a privacy ledger, or its anchor."""
        return self.has_shared_ledger or self._ledger_file.exists() or self._ledger_anchor.exists()

    @property
    def _ledger_file(self) -> Path:
        return self.settings.data_dir / "dp" / "ledger.sqlite"

    @property
    def _ledger_anchor(self) -> Path:
        return self.settings.secret_dir / "dp_ledger.anchor"
