"""Verifies the audit log with the releases that it names, and publishes its anchor in another place."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from installation.anchor_archive import AnchorArchive
from installation.errors import SettingsError
from installation.installation import Installation
from installation.settings import Settings
from privacy.audit import AuditError
from privacy.storage.hash_chain import ChainFault, ChainHead


def verify_releases(installation: Installation) -> list[ChainFault]:
    """Return the first fault of the privacy ledger; without one, every logged release that has no debit in it."""
    from privacy.dp.errors import LedgerDamaged
    from privacy.dp.trail import verify_trail

    log, entries = installation.audit_log, []
    if installation.has_ledger:
        try:
            with closing(installation.open_ledger()) as ledger:
                ledger.verify()
                entries = list(ledger.entries())
        except LedgerDamaged as error:
            return [ChainFault("ledger", log.anchor().number if log.anchor_path.exists() else 0, error.message)]
    return verify_trail(log, entries)


def anchor_archive(settings: Settings) -> AnchorArchive:
    """Return the place where anchors of the audit log are published.

    Raises:
        SettingsError: the settings name no place.
    """
    place = settings.anchor_archive
    if place is None:
        raise SettingsError(
            "No place for published anchors is set. Set anchor_archive to a folder on another machine, or to the "
            "URL of a bucket with a retention lock."
        )
    return AnchorArchive(place, settings.storage_options)


def publish_anchor(installation: Installation) -> str:
    """Publish the anchor of the audit log, and return the name of its object.

    Raises:
        SettingsError: the settings name no place.
        AnchorArchiveError: the place cannot be written.
        AuditError: the log was changed, so its anchor is not published.
    """
    archive, log = anchor_archive(installation.settings), installation.audit_log
    for fault in log.verify(archive.heads()):
        raise AuditError(
            f"The audit log was changed, so its anchor was not published: {fault.message}. Run `bojagi audit verify`."
        )
    return archive.publish(log.anchor())


def verify_audit_log(installation: Installation, published: Iterable[ChainHead] = ()) -> list[ChainFault]:
    """Return every fault of the audit log. It must contain `published` and every anchor of the archive, if any.

    Raises:
        AnchorArchiveError: the archive cannot be read.
    """
    archived = anchor_archive(installation.settings).heads() if installation.settings.anchor_archive else []
    return installation.audit_log.verify([*published, *archived])
