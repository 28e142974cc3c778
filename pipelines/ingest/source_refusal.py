"""Records that a source as a whole could not be read: its database, its topic."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from pipelines.ingest.fault import FileFaultError
from pipelines.ingest.quarantine import Origin, Quarantine, QuarantineEntry, RefusedFile


def refuse_source(
    quarantine: Quarantine,
    place: Origin,
    fault: FileFaultError,
    former: Mapping[str, RefusedFile],
    load_id: str,
    now: datetime.datetime,
) -> RefusedFile:
    """Record in quarantine why a source was not read. The same reason is recorded once, however many runs repeat it.

    `former` are the refusals that no load has settled.
    """
    known = next((file for file in former.values() if file.reason == fault.reason), None)
    if known is not None:
        return known
    quarantine.add([QuarantineEntry(place, None, fault.column, fault.rule, fault.reason, None, None)], load_id, now)
    return RefusedFile(place.file, fault.column, fault.rule, fault.reason, now)
