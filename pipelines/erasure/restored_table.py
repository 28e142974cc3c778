"""Finds tables that may hold erased persons again: restored from a backup, copied in, or of an unknown origin.

The suppression list remembers for each table its id, its version and the size of the list when the table was last
clean. A later version of the same table was written by loads and builds that leave suppressed persons out. A table of
another id or an earlier version, an unknown one, and one that was clean before the newest erasure is looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from deltalake import DeltaTable

from installation.installation import Installation
from pipelines.erasure.delta_history import find_tables
from pipelines.erasure.lakehouse_store import LakehouseStore
from privacy.audit import AuditEntry
from privacy.protection.revealer import LEGAL_RECORDS
from privacy.rights.errors import RightsError
from privacy.rights.subject_store import OutcomeKind

_WHO = "bojagi restore"


class ReturnedPersonError(RightsError):
    """Tables that were put back hold erased persons, who cannot be erased again."""


@dataclass(frozen=True)
class Kept:
    """Counts of one look at the tables: how many were looked at, how many rows of erased persons went.

    `rows_lost`: rows of statutory records that lost a field, by table. Their keys were destroyed at the erasure, and
    the table was restored from a backup that is older.
    """

    tables: int = 0
    rows: int = 0
    rows_lost: Mapping[str, int] = field(default_factory=dict)


def keep_erased(installation: Installation) -> Kept:
    """Erase suppressed persons from every table that may hold them again; return the counts, and log what is lost.

    Costs a look at each table's log when nothing was restored. Call it while holding the run lock, before anything
    is built from the tables.

    Raises:
        ReturnedPersonError: a table cannot be rewritten. Nothing may be built from it.
    """
    listed = installation.suppression
    if not listed:
        return Kept()
    _keep_consent_record(installation)
    known, states = listed.clean_places(), table_states(installation)
    doubtful = [place for place, state in states.items() if not _continues(known.get(place), state)]
    if not doubtful:
        listed.note_clean(states)
        return Kept()
    swept = LakehouseStore(installation).sweep(doubtful)
    outcome = swept.outcome
    if outcome.kind is OutcomeKind.FAILED:
        raise ReturnedPersonError(f"Tables that were restored hold erased persons: {outcome.reason}. Run again.")
    listed.note_clean(table_states(installation))
    _log_lost(installation, swept.rows_lost)
    return Kept(len(doubtful), outcome.counts.get("rows", 0) + outcome.counts.get("locked", 0), swept.rows_lost)


def _log_lost(installation: Installation, rows_lost: Mapping[str, int]) -> None:
    for table, rows in rows_lost.items():
        entry = AuditEntry(
            at=installation.clock(), who=_WHO, role="operator", purpose=LEGAL_RECORDS, action="restore", table=table,
            reason=f"{rows} rows lost fields that the law keeps: the restored table is older than the erasure",
        )  # fmt: skip
        installation.audit_log.append(entry)


def _keep_consent_record(installation: Installation) -> None:
    """Erase suppressed persons from the consent record, which a restored data folder brings back as well."""
    if not installation.has_consent_record:
        return
    store = installation.consent_store
    members = store.membership_table()
    named = {*store.subjects().to_pylist(), *members["subject_id"].to_pylist(), *members["customer_id"].to_pylist()}
    gone = installation.suppression.naming("value", named - {None})
    if gone:
        store.erase(gone, gone)


def table_states(installation: Installation) -> dict[str, str]:
    """Return the state of each table below the root: its id, its version, and the generation of the list."""
    root, options = installation.lakehouse.root, installation.lakehouse.storage_options
    generation, states = installation.suppression.generation, {}
    for location in find_tables(root, options):
        delta = DeltaTable(location, storage_options=options)
        states[location.removeprefix(root).strip("/")] = f"{delta.metadata().id} {delta.version()} {generation}"
    return states


def _continues(known: str | None, state: str) -> bool:
    """Return whether a table is the one that was clean, at the same or a later version, after the newest erasure."""
    if known is None:
        return False
    old_id, old_version, old_generation = known.split()
    new_id, version, generation = state.split()
    return old_id == new_id and int(version) >= int(old_version) and old_generation == generation
