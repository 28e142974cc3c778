"""The store `truth`: the simulator's record of the true person behind each simulated record, in clear.

Real installations have none. It serves evaluation only, but it holds names, so an erased person leaves it as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from installation.installation import Installation
from pipelines.ingest.suppressed_row import PersonRows, entries_of
from privacy.protection.suppression import NOT_LISTED, ListedIdentifiers
from privacy.rights.subject import Subject
from privacy.rights.subject_store import CheckedPart, Correction, ExportedTable, Holding, Outcome, Verification
from privacy.rights.wording import Wording
from privacy.storage.atomic_file import private_draft

_FILES = ("person.parquet", "record.parquet", "dirt.parquet")
_TELLING = {"crm_customer": "member_no", "loyalty_card": "card_no"}
"""Sources whose records name one person, with the kind of their key."""
_WORDING = Wording("The simulator's list of true persons", "시뮬레이터의 실제 인물 목록")


@dataclass(frozen=True)
class TruthStore:
    """The folder with the true persons of simulated records."""

    installation: Installation
    name: str = "truth"
    paths: tuple[str, ...] = ("truth/**",)

    def find(self, subject: Subject) -> Sequence[Holding]:
        """Return the number of the person's records."""
        tokens = self.installation.tokenizer
        listed = ListedIdentifiers(tokens.derived_key("export"), entries_of(subject, None))
        kept = Wording("Until the simulated data are deleted", "시뮬레이션 데이터를 삭제할 때까지")
        return [
            Holding(f"truth/{path.stem}", rows, _WORDING, (), Wording("Simulator", "시뮬레이터"), kept)
            for path, rows in self._gone(PersonRows(listed, tokens)).items()
            if rows
        ]

    def export(self, subject: Subject) -> Iterator[ExportedTable]:
        """Yield nothing: the persons are invented, and the sources have the same values."""
        yield from ()

    def rectify(self, subject: Subject, correction: Correction) -> Outcome:
        """The truth is what the simulator invented."""
        return Outcome.not_applicable("The list states what the simulator invented.")

    def restrict(self, subject: Subject, is_restricted: bool) -> Outcome:
        """No pipeline reads the truth."""
        return Outcome.not_applicable("No pipeline reads the list.")

    def erase(self, subjects: Sequence[Subject]) -> Outcome:
        """Take all suppressed persons out of the files. Can be repeated."""
        removed = self._gone(self._suppressed(), writes=True)
        return Outcome.done({"rows": sum(removed.values()), "files_rewritten": sum(n > 0 for n in removed.values())})

    def verify(self, subjects: Sequence[Subject]) -> Verification:
        """Read the files again and look for suppressed persons."""
        found = self._gone(self._suppressed())
        checked = tuple(
            CheckedPart(f"truth/{path.stem}", "", hashlib.sha256(path.read_bytes()).hexdigest()) for path in found
        )
        return Verification(checked, tuple(f"truth/{path.stem}: rows" for path, rows in found.items() if rows))

    def _suppressed(self) -> PersonRows:
        return PersonRows(self.installation.suppression, self.installation.tokenizer)

    def _gone(self, rows: PersonRows, *, writes: bool = False) -> dict[Path, int]:
        """Return the number of rows of suppressed persons by file; with `writes`, write the files without them.

        Persons go last: a repetition after a kill finds by them the records that are left.
        """
        folder = self.installation.settings.truth_dir
        tables = {path.name: pq.read_table(path) for name in _FILES if (path := folder / name).exists()}
        if len(tables) < len(_FILES):
            return {}
        person, record, dirt = (tables[name] for name in _FILES)
        ids = self._persons(person, record, rows)
        is_record = pc.is_in(record["person_id"], value_set=ids)
        places = pc.binary_join_element_wise(record["source"], record["key"], "\0")
        is_dirt = pc.is_in(
            pc.binary_join_element_wise(dirt["source"], dirt["key"], "\0"), value_set=_whole(places.filter(is_record))
        )
        masks = {
            "dirt.parquet": is_dirt,
            "record.parquet": is_record,
            "person.parquet": pc.is_in(person["person_id"], value_set=ids),
        }
        counts = {}
        for name, mask in masks.items():
            gone = int(pc.sum(mask).as_py() or 0)
            counts[folder / name] = gone
            if gone and writes:
                with private_draft(folder / name) as draft:
                    pq.write_table(tables[name].filter(pc.invert(mask.combine_chunks())), draft)
        return counts

    def _persons(self, person: pa.Table, record: pa.Table, rows: PersonRows) -> pa.Array:
        found = []
        for source, kind in _TELLING.items():
            part = record.filter(pc.equal(record["source"], source))
            found.append(_whole(part["person_id"].filter(self._is_listed(kind, part["key"], rows))))
        found += [
            _whole(person["person_id"].filter(self._is_listed(kind, person[kind], rows))) for kind in ("phone", "email")
        ]
        return pc.unique(pa.concat_arrays(found))

    def _is_listed(self, kind: str, values: pa.ChunkedArray, rows: PersonRows) -> pa.Array:
        tokens = rows.tokens.tokens(kind, _whole(values))
        return pa.array(rows.suppression.until("value", tokens) != NOT_LISTED)


def _whole(values: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], values.type)
