"""Plans and carries out the migration of tables to their contracts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from installation.contract.document import Contract
from installation.data_secret import note_into
from installation.installation import Installation
from installation.lakehouse.lakehouse import Lakehouse
from installation.lakehouse.rows import select
from pipelines.erasure.delta_history import forget_history
from pipelines.errors import MigrationError
from pipelines.ingest.load_id import in_utc
from pipelines.ingest.load_option import LoadOptions
from pipelines.ingest.quarantine import Quarantine
from pipelines.migration.key_check import repeated_keys
from pipelines.migration.plan import Action, MisfitCount, TablePlan, require_possible
from pipelines.migration.refusal import refusals
from pipelines.migration.rewrite import add_columns, find_misfits, has_files, note_form, rewrite, version_before
from pipelines.migration.row_change import RETYPED, RowChange
from pipelines.migration.unfit_row import quarantine_entries, require_writable
from pipelines.quality.metric import TABLE as TREND
from pipelines.table_form.change import ChangeKind, Difference, compare
from pipelines.table_form.form import form_of, stored_form
from pipelines.unify.registry import TABLES, all_tables
from privacy.contract.document import DatabaseTable
from privacy.protection.source_person import Protection

_VERIFIED = (*RETYPED, ChangeKind.RULES, ChangeKind.FILLED)
"""Changes after which a row may not fit."""


@dataclass(frozen=True)
class Migrated:
    """The result for one table. `quarantined` counts the rows that did not fit."""

    plan: TablePlan
    quarantined: int = 0


@dataclass(frozen=True)
class ContractMigration:
    """Migrates the tables of an installation. Callers of `migrate` hold the run lock and the lakehouse lease."""

    installation: Installation

    def plan(self, tables: Sequence[str] = ()) -> tuple[TablePlan, ...]:
        """Return the plan for each table that exists and differs from its contract; writes nothing.

        `tables` names the tables to plan for; none means all.
        """
        found = (self._plan(contract) for contract in self._contracts if not tables or contract.table in tables)
        return tuple(plan for plan in found if plan is not None and plan.action is not Action.NONE)

    def migrate(self, plans: Sequence[TablePlan], *, quarantines: bool = False) -> Iterator[Migrated]:
        """Migrate each table by its plan, and yield each result.

        Args:
            plans: of `plan`. A table that was written since then is refused.
            quarantines: whether rows that do not fit are moved to quarantine; else they refuse the migration.

        Raises:
            MigrationError: a table cannot be migrated. No table was changed.
        """
        require_possible(plans, quarantines=quarantines)
        for plan in plans:
            yield Migrated(plan, self._migrate(plan, quarantines=quarantines))

    @cached_property
    def _kept(self) -> frozenset[str]:
        """The derived tables whose rows cannot be built again."""
        return frozenset({TREND, *(table.name for table in TABLES if table.is_kept or table.remembers)})

    @property
    def _contracts(self) -> Iterator[Contract]:
        contracts = self.installation.contracts
        built = {TREND, *(table.name for table in all_tables(contracts))}
        return (contract for contract in contracts.values() if contract.layer == "source" or contract.table in built)

    @property
    def _lakehouse(self) -> Lakehouse:
        return self.installation.lakehouse

    @cached_property
    def _protection(self) -> Protection:
        return self.installation.protection

    def _plan(self, contract: Contract) -> TablePlan | None:
        if not self._lakehouse.exists(contract.table):
            return None
        delta = self._lakehouse.delta(contract.table)
        difference = compare(stored_form(delta, contract), form_of(contract))
        if not difference.changes:
            return None
        if contract.layer != "source" and contract.table not in self._kept:
            return TablePlan(contract, difference, Action.REBUILD, delta.count()) if difference.changes else None
        return plan_table(contract, difference, delta, self._change(contract, difference), self._lakehouse)

    def _change(self, contract: Contract, difference: Difference) -> RowChange:
        installation = self.installation
        options = LoadOptions.of(installation.settings, installation.reference_date())
        now = in_utc(installation.clock())
        change = RowChange(contract, difference, self._protection, options, now)
        if change.opened_columns:
            note = note_into(installation.audit_log, "bojagi contracts migrate", "contract_migration")
            note(contract, change.opened_columns, self._persons(contract))
        return change

    def _persons(self, contract: Contract) -> int:
        """Return of how many persons the table has rows; without a subject key every row is a person's of its own."""
        subject = f"{contract.subject_key}_token"
        delta = self._lakehouse.delta(contract.table)
        counted = f'DISTINCT "{subject}"' if any(one.name == subject for one in delta.schema().fields) else "*"
        return int(select(delta, f"count({counted}) AS n")["n"][0].as_py())

    def _migrate(self, plan: TablePlan, *, quarantines: bool) -> int:
        contract = plan.contract
        if plan.action is Action.REBUILD:
            return 0
        return migrate_table(plan, self._lakehouse, self._change(contract, plan.difference), quarantines=quarantines)


def plan_table(
    contract: Contract, difference: Difference, delta: DeltaTable, change: RowChange, lakehouse: Lakehouse
) -> TablePlan:
    """Return the plan for one table whose rows cannot be built again; writes nothing."""
    rows = int(select(delta, "count(*) AS n")["n"][0].as_py())
    action, restores = _action(contract, difference, delta, rows, lakehouse)
    plan = TablePlan(contract, difference, action, rows, refusals(contract, difference, change, rows))
    if plan.refusals:
        return plan
    if action is Action.RESTORE:
        return replace(plan, restores=restores, notes=(f"version {restores}, as it was before the last migration",))
    misfits = find_misfits(delta, change) if rows and difference.of(*_VERIFIED) else MisfitCount()
    repeated = repeated_keys(contract, difference, delta) if difference.of(ChangeKind.KEY) and rows else 0
    reasons, notes = _key_findings(contract, repeated), list(_notes(contract, difference))
    return replace(
        plan,
        refusals=reasons if _is_database(contract) else (),
        misfits=misfits.groups,
        misfit_rows=misfits.rows,
        notes=(*notes, *(() if _is_database(contract) else reasons)),
    )


def migrate_table(plan: TablePlan, lakehouse: Lakehouse, change: RowChange, *, quarantines: bool = False) -> int:
    """Migrate one table by its plan; return how many rows went to quarantine.

    Raises:
        MigrationError: the rows that do not fit cannot be moved to quarantine. The table is unchanged.
    """
    contract = plan.contract
    delta = lakehouse.delta(contract.table)
    if plan.restores is not None:
        delta.restore(plan.restores)
        return 0
    if plan.action in (Action.ADD, Action.NOTE) and not plan.misfit_rows:
        add_columns(delta, change)
        note_form(lakehouse.delta(contract.table), change)
        return 0
    moved = 0
    if plan.misfit_rows and quarantines:
        require_writable(contract)
        entries = quarantine_entries(delta, change)
        Quarantine(contract, lakehouse, change.protection).add(entries, f"migration:{contract.sha256[:16]}", change.now)
        moved = len(entries)
    try:
        rewrite(lakehouse, delta, change, moved)
    except (DeltaError, OSError) as error:
        detail = str(error).strip().splitlines()[0][:300]
        raise MigrationError(
            (f"{contract.table}: the rows could not be written: {detail}. The table is unchanged; migrate again",),
            contract.table,
        ) from error
    if plan.difference.of(ChangeKind.ENCRYPTED):
        # Earlier versions hold the values in clear.
        forget_history(lakehouse.path(contract.table), lakehouse.storage_options)
    return moved


def _action(
    contract: Contract, difference: Difference, delta: DeltaTable, rows: int, lakehouse: Lakehouse
) -> tuple[Action, int | None]:
    former = version_before(delta)
    if former is not None and _equals(contract, former, lakehouse):
        return Action.RESTORE, former
    kinds = {change.kind for change in difference.changes}
    if kinds <= {ChangeKind.RULES, ChangeKind.KEY, ChangeKind.REFERENCE}:
        return Action.NOTE, None
    if kinds <= {ChangeKind.RULES, ChangeKind.KEY, ChangeKind.ADDED}:
        return Action.ADD, None
    return Action.REWRITE, None


def _equals(contract: Contract, version: int, lakehouse: Lakehouse) -> bool:
    """Return whether an earlier version of the table, whose files are still there, had the contract's form."""
    location = lakehouse.path(contract.table)
    try:
        delta = DeltaTable(location, version=version, storage_options=lakehouse.storage_options)
    except (DeltaError, OSError):  # the log does not list it any more
        return False
    return not compare(stored_form(delta, contract), form_of(contract)).changes and has_files(
        delta, *lakehouse.filesystem(contract.table)
    )


def _key_findings(contract: Contract, repeated: int) -> tuple[str, ...]:
    if not repeated:
        return ()
    keys = f"{repeated:,} keys ({', '.join(contract.primary_key)}) occur in more than one row"
    if _is_database(contract):
        return (f"{keys}; the next load would delete all but the newest of them. State a key that is unique",)
    return (f"{keys}; the quality checks of the next run will count them",)


def _is_database(contract: Contract) -> bool:
    return contract.file is not None and isinstance(contract.file.origin, DatabaseTable)


def _notes(contract: Contract, difference: Difference) -> Iterator[str]:
    if names := difference.of(ChangeKind.DROPPED):
        yield (
            f"the values of {', '.join(names)} go; if one is the former name of a new column, add it to the synonyms "
            "of that column. They come back if the former contract is put back before the next load"
        )
    if names := difference.of(ChangeKind.ENCRYPTED):
        yield f"earlier versions hold {', '.join(names)} in clear, so they are deleted"
    if names := difference.of(ChangeKind.DECRYPTED):
        yield f"{', '.join(names)} will be stored in clear"
