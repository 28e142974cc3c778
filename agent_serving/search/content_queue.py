"""The queue of content files to index, in an SQLite file. A file leaves it only when its documents are visible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from privacy.storage.database import open_database, transaction

MAX_ATTEMPTS: Final = 3
RETRY_SECONDS: Final = 2.0
"""Before the second attempt; the third one waits twice as long. A file that is being written is whole by then."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS content_file (
  source TEXT PRIMARY KEY, signature TEXT, state TEXT NOT NULL, attempts INTEGER NOT NULL, due_at REAL NOT NULL,
  error TEXT
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Job:
    """A file to index. `signature` is its state on the disk when it was noticed; None when it was deleted."""

    source: str
    signature: str | None
    attempts: int


@dataclass(frozen=True)
class DeadLetter:
    """A file that could not be read in `MAX_ATTEMPTS` attempts. Its former documents stay visible."""

    source: str
    attempts: int
    error: str


class ContentQueue:
    """The queue of one installation. Use one object per thread; any number of processes may share the file."""

    def __init__(self, path: Path) -> None:
        """Open the queue, and create it if there is none."""
        self._db = open_database(path, _SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def notice(
        self, signatures: Mapping[str, str], indexed: Iterable[str], now: float, incomplete: Iterable[str] = ()
    ) -> int:
        """Queue every file that is new, has changed or was deleted, and return the number of queued files.

        Args:
            signatures: the state of each file on the disk.
            indexed: sources that the index has.
            now: seconds since 1970.
            incomplete: sources that the index has without their vectors.
        """
        have, lacking = set(indexed), set(incomplete)
        with transaction(self._db):
            rows = self._db.execute("SELECT source, signature, state FROM content_file").fetchall()
            known = {source: (signature, state) for source, signature, state in rows}
            due = [
                (source, signature)
                for source, signature in signatures.items()
                if source not in known
                or known[source][0] != signature
                or (known[source][1] == "done" and (source not in have or source in lacking))
            ]
            gone = [
                (source, None)
                for source in {*known, *have} - set(signatures)
                if known.get(source, ("", ""))[0] is not None
            ]
            self._db.executemany(
                "INSERT OR REPLACE INTO content_file VALUES (?, ?, 'waiting', 0, ?, NULL)",
                [(source, signature, now) for source, signature in (*due, *gone)],
            )
        return len(due) + len(gone)

    def due(self, now: float) -> list[Job]:
        """Return the files whose turn has come, the longest waiting first."""
        rows = self._db.execute(
            "SELECT source, signature, attempts FROM content_file WHERE state = 'waiting' AND due_at <= ? "
            "ORDER BY due_at, source",
            (now,),
        )
        return [Job(*row) for row in rows]

    def finish(self, jobs: Iterable[Job]) -> None:
        """Take files out of the queue. One that has changed again since it was noticed stays."""
        with transaction(self._db):
            for job in jobs:
                where = (job.source, job.signature)
                if job.signature is None:
                    self._db.execute("DELETE FROM content_file WHERE source = ? AND signature IS ?", where)
                else:
                    done = "UPDATE content_file SET state = 'done', error = NULL WHERE source = ? AND signature IS ?"
                    self._db.execute(done, where)

    def fail(self, job: Job, error: str, now: float) -> None:
        """Note a failed attempt: the file waits for the next one, or becomes a dead letter after the last."""
        attempts = job.attempts + 1
        state = "dead" if attempts >= MAX_ATTEMPTS else "waiting"
        due_at = now + RETRY_SECONDS * 2 ** (attempts - 1)
        with transaction(self._db):
            self._db.execute(
                "UPDATE content_file SET state = ?, attempts = ?, due_at = ?, error = ? "
                "WHERE source = ? AND signature IS ?",
                (state, attempts, due_at, error, job.source, job.signature),
            )

    def waiting(self) -> int:
        """Return the number of files that are not indexed yet."""
        return int(self._db.execute("SELECT count(*) FROM content_file WHERE state = 'waiting'").fetchone()[0])

    def dead_letters(self) -> list[DeadLetter]:
        """Return the files that were given up. A changed file is tried again by itself."""
        rows = self._db.execute("SELECT source, attempts, error FROM content_file WHERE state = 'dead' ORDER BY source")
        return [DeadLetter(*row) for row in rows]

    def retry(self, now: float) -> int:
        """Queue every dead letter again, and return their number."""
        with transaction(self._db):
            return self._db.execute(
                "UPDATE content_file SET state = 'waiting', attempts = 0, due_at = ? WHERE state = 'dead'", (now,)
            ).rowcount
