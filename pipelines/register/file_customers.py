"""Gives customer ids to the rows of a person file; with an earlier output, rows keep the ids that they had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.matching.input_warning import warn_of_repeated_ids
from pipelines.matching.mapping import IDENTIFYING, Mapping
from pipelines.matching.resolution import Options, Resolution, resolve
from pipelines.matching.workspace import Workspace
from pipelines.register.id_assignment import KNOWN_COLUMNS, assign_ids
from pipelines.register.previous_file import PreviousRows, find_rows

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IdEvent:
    """Rows whose customer id changed, in the terms of silver/identity_event.

    Attributes:
        event: `merge` if no row has the former id any more, `split` if the new id did not exist before, else `move`.
        from_customer_id: former id.
        to_customer_id: new id.
        records: number of rows.
    """

    event: Literal["merge", "split", "move"]
    from_customer_id: str
    to_customer_id: str
    records: int


@dataclass(frozen=True, slots=True)
class Kept:
    """How the ids of an earlier output lasted.

    Attributes:
        known_records: rows of the input that were in the earlier output.
        kept_records: those of them that kept their id.
        new_records: rows of the input that were not in the earlier output.
        missing_records: rows of the earlier output that are not in the input. They were compared, and are not written.
        events: merges, splits and moves.
    """

    known_records: int
    kept_records: int
    new_records: int
    missing_records: int
    events: tuple[IdEvent, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers and events as values that can be written as JSON."""
        return asdict(self) | {"events": [asdict(event) for event in self.events]}


@dataclass(frozen=True, slots=True)
class FileCustomers:
    """The customer id of each row of a file, the resolution, and how the earlier ids lasted (None without any)."""

    ids: NDArray[np.object_]
    resolution: Resolution
    warnings: tuple[str, ...]
    kept: Kept | None


def resolve_file_customers(
    workspace: Workspace,
    frame: pd.DataFrame,
    mapping: Mapping,
    options: Options,
    id_factory: Callable[[], str],
    previous: PreviousRows | None = None,
) -> FileCustomers:
    """Resolve a person file and return the customer id of each row.

    Rows of the earlier output that are not in the file are compared as well. So a row that was corrected since, and new
    rows alone, get the ids of their persons. The former groups count as evidence (see `favour_former`).

    Raises:
        NoIdentifierError: no mapped part can identify a person.
        SourceFileError: the earlier output has too little in common with the file.
    """
    if previous is None:
        nothing = PreviousRows(pd.DataFrame(columns=frame.columns), pd.Series(dtype=object))
        return _resolve(workspace, frame, mapping, options, id_factory, nothing, np.full(len(frame), -1))
    return _resolve(workspace, frame, mapping, options, id_factory, previous, find_rows(frame, previous, mapping))


def _resolve(
    workspace: Workspace,
    frame: pd.DataFrame,
    mapping: Mapping,
    options: Options,
    id_factory: Callable[[], str],
    previous: PreviousRows,
    found: Ints,
) -> FileCustomers:
    missing = _missing_rows(previous, mapping, found)
    whole, parts, warnings = frame, mapping, []
    if len(missing):
        rows = previous.frame.iloc[missing].reindex(columns=frame.columns)
        if mapping.source:
            # Under `one_per_person`, a corrected row and its former version are one person of one source.
            rows[mapping.source] = rows[mapping.source].fillna("") + " (previous)"
        whole = pd.concat([frame, rows.astype(object).where(rows.notna(), None)], ignore_index=True)
        parts, warnings = mapping.model_copy(update={"record_id": None}), warn_of_repeated_ids(frame, mapping)
    position = np.concatenate([found, missing])
    former = np.append(pd.factorize(previous.ids)[0], -1)[position].astype(np.int64)
    resolution = resolve(workspace, whole, parts, options, former=former if len(previous.ids) else None)
    keys = pd.DataFrame({"cluster": resolution.group, "kind": np.where(position >= 0, "row", "new")})
    keys["token"] = np.where(position >= 0, position, np.arange(len(position))).astype(str)
    rows_before = np.arange(len(previous.ids)).astype(str)
    known = pd.DataFrame(
        {"kind": "row", "token": rows_before, "customer_id": previous.ids}, columns=list(KNOWN_COLUMNS)
    )
    customer = assign_ids(keys, known, id_factory)
    ids = customer.reindex(resolution.group).to_numpy(dtype=object)
    notes = (*previous.notes, *warnings, *resolution.warnings)
    return FileCustomers(ids[: len(frame)], resolution, notes, _kept(ids, previous, position, len(frame)))


def _missing_rows(previous: PreviousRows, mapping: Mapping, found: Ints) -> Ints:
    """Return the positions of earlier rows that are not in the file and have a value that identifies a person."""
    columns = [c for part in IDENTIFYING for c in getattr(mapping, part) if c in previous.frame.columns]
    is_missing = previous.frame[columns].notna().any(axis=1).to_numpy(dtype=bool)
    is_missing[found[found >= 0]] = False
    return np.flatnonzero(is_missing)


def _kept(ids: NDArray[np.object_], previous: PreviousRows, position: Ints, size: int) -> Kept | None:
    if not len(previous.ids):
        return None
    known = position >= 0
    moved = pd.DataFrame({"former": previous.ids.to_numpy(dtype=object)[position[known]], "now": ids[known]})
    in_file = known[:size]
    kept = int((moved["former"] == moved["now"]).to_numpy()[: int(in_file.sum())].sum())
    missing = len(previous.ids) - len(np.unique(position[:size][in_file]))
    return Kept(int(in_file.sum()), kept, int((~in_file).sum()), missing, _events(moved, set(ids)))


def _events(moved: pd.DataFrame, in_use: set[str]) -> tuple[IdEvent, ...]:
    existed = set(moved["former"])
    changed = moved[moved["former"] != moved["now"]].groupby(["former", "now"], as_index=False).size()
    return tuple(
        IdEvent("merge" if former not in in_use else "split" if now not in existed else "move", former, now, int(size))
        for former, now, size in changed.itertuples(index=False)
    )
