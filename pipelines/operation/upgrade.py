"""Plans what a new version of Bojagi must change in an installation, and changes it, one part after the other.

A part states the form that it has and the form that this version needs. Parts without a difference are left alone, so
an upgrade that was interrupted is continued by the same command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from installation.installation import Installation
from installation.lakehouse_claim import lakehouse_lease
from pipelines.doctor.examination import Outcome, run_examinations
from pipelines.doctor.store import of_stores
from pipelines.errors import PipelineError
from pipelines.operation.record import VERSION, open_records
from privacy.errors import PrivacyError


class UpgradeError(PipelineError):
    """The installation cannot be upgraded as it is. Nothing was changed, or the message names what was."""


@dataclass(frozen=True)
class Part:
    """One part of an installation with the form that it has and the one that it needs.

    `changes` says what an upgrade does; none if nothing. `hindrance` says what must be done before, by hand.
    """

    name: str
    found: str
    wanted: str
    changes: tuple[str, ...] = ()
    hindrance: str = ""
    upgrade: Callable[[], None] = lambda: None


def plan_upgrade(installation: Installation, others: Iterable[Part] = ()) -> list[Part]:
    """Return all parts; changes nothing. `others` are those that need Dagster, in the order of the upgrade."""
    before = [*_stores(installation), *_database(installation)]
    is_ready = not any(part.changes or part.hindrance for part in before)
    return [
        *before,
        *others,
        _tables(installation) if is_ready else _later_tables(installation),
        _version(installation),
    ]


def require_possible(parts: Sequence[Part]) -> None:
    """Check that nothing must be done by hand before.

    Raises:
        UpgradeError: a part has a hindrance.
    """
    if hindered := [f"{part.name}: {part.hindrance}" for part in parts if part.hindrance]:
        raise UpgradeError(f"Not upgraded: {'; '.join(hindered)}")


def upgrade(parts: Sequence[Part]) -> Iterator[Part]:
    """Upgrade the parts that differ, and yield each when it is done. The caller keeps runs of this machine away.

    Raises:
        UpgradeError: a part has a hindrance; it and the later ones were not changed.
    """
    require_possible(parts)
    for part in parts:
        if part.changes:
            part.upgrade()
            yield part


def _stores(installation: Installation) -> Iterator[Part]:
    """Yield the stores that do not open: an upgrade would hide what damaged them."""
    # A database of an older version is a part of its own, and its stores open only afterwards.
    if installation.settings.database is not None:
        return
    for finding in run_examinations(of_stores(installation)):
        if finding.outcome is Outcome.FAILED:
            yield Part(finding.subject, "not usable", "usable", hindrance=f"{finding.text}. {finding.remedy}".strip())


def _database(installation: Installation) -> Iterator[Part]:
    from installation.database import HEAD, migrate, version_of

    if (server := installation.server) is None:
        return
    conninfo = server.conninfo
    found = version_of(conninfo)
    text = f"migrate the tables of {server.name} in one transaction; other machines must be stopped"
    yield Part(
        "database", found or "empty", HEAD, (text,) if found != HEAD else (),
        hindrance="it is of a newer version; install that version of Bojagi" if (found or "") > HEAD else "",
        upgrade=lambda: _ignore(migrate(conninfo)),
    )  # fmt: skip


def _tables(installation: Installation) -> Part:
    """Return the tables, as one part: how each gets the form of its contract."""
    from pipelines.migration.service import ContractMigration

    migration = ContractMigration(installation)

    def migrate() -> None:
        # Runs of other machines are kept away as well.
        with lakehouse_lease(installation):
            list(migration.migrate(plans))

    plans = migration.plan()
    open_ones = [plan.table for plan in plans if not plan.is_possible or plan.losses]
    remedy = "run bojagi contracts migrate --plan, which says what is lost or does not fit, then migrate them"
    return Part(
        "tables", f"{len(plans)} differ from their contracts" if plans else _FOLLOW, _FOLLOW,
        tuple(f"{plan.action.value} {plan.table}, {plan.rows:,} rows" for plan in plans),
        hindrance=f"{', '.join(open_ones)}: {remedy}" if open_ones else "",
        upgrade=migrate,
    )  # fmt: skip


def _later_tables(installation: Installation) -> Part:
    """Return the tables while what they need cannot be opened yet: they are planned and migrated after it."""

    def migrate() -> None:
        list(upgrade([_tables(installation)]))

    return Part("tables", "not compared yet", _FOLLOW, ("compare the tables with their contracts",), upgrade=migrate)


_FOLLOW = "follow their contracts"


def _version(installation: Installation) -> Part:
    wanted = version("bojagi")

    def note() -> None:
        open_records(installation).write(VERSION, wanted.encode())

    try:
        content = open_records(installation).read(VERSION)
    except PrivacyError:  # the database is of another version, and a part of its own says so
        content = None
    found = content.decode() if content else "unknown"
    return Part("version", found, wanted, (f"note version {wanted}",) if found != wanted else (), upgrade=note)


def _ignore(_: object) -> None:
    """Take a result that nobody needs."""
