"""Sends the changes to destinations of the settings, or writes their files, one process at a time for each."""

from __future__ import annotations

from features.destination.delivery import Delivery, DeliveryReport
from features.destination.errors import DestinationBusy
from features.destination.file_export import FileExport
from features.destination.opening import open_channel
from features.retrieval.answer import Caller
from installation.installation import Installation
from privacy.storage.atomic_file import create_private_folder
from privacy.storage.lock import LockBusyError, file_lock

_PATIENCE_SECONDS = 0.5


def send_changes(
    installation: Installation, name: str, *, accepts_gone: bool = False, by: Caller | None = None
) -> DeliveryReport:
    """Send what has changed since the last call to a destination, or write its files; `by` is who asked for it.

    See `Delivery.send` and `FileExport.send`.

    Raises:
        DestinationBusy: another process sends to it.
        SettingsError: a secret cannot be read.
        DestinationError, AccessRefused, ConsentError: see `Delivery.send`.
    """
    settings = installation.settings
    destination = settings.destinations[name]
    create_private_folder(settings.data_dir)
    try:
        with file_lock(settings.data_dir / f"destination_{name}.lock", _PATIENCE_SECONDS):
            if destination.file is not None:
                return FileExport(installation, name, destination, by).send()
            with open_channel(settings, destination, installation.clock) as channel:
                return Delivery(installation, name, destination, channel).send(accepts_gone=accepts_gone)
    except LockBusyError as error:
        raise DestinationBusy(f"{name}: another process is sending to it; run again when it has ended.") from error
