"""The registry of releases, and what keeps two releases of one table from undoing each other.

Two versions that are joined on what a recipient knows let the classes of a person be intersected. Pinned classes
prevent that: whoever was published in a class stays with exactly those people, so an intersection is never smaller
than the class; new people form classes of their own, and a class that lost people by erasure is published only while
the rest still satisfies the models. The registry holds opaque keys and the labels that were published, no values.

A release is recorded when the log names it: what was written before that and did not get so far, because the process
ended, is not read. One release is made at a time; who comes second waits, and sees the first.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from privacy.anonymity.anonymize import anonymize
from privacy.anonymity.errors import AnonymityError, InfeasibleError, SpecError, VerificationError
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.verify.verification import verify
from privacy.storage.atomic_file import replace_public
from privacy.storage.lock import file_lock


@dataclass(frozen=True)
class Release:
    """One line of the registry."""

    table: str
    version: int
    recipient: str
    released_at: str
    spec_digest: str
    rows: int
    classes: int


class ReleaseRegistry:
    """Releases as JSON lines in `folder`, and beside them each person's class and the last version that they were in.

    People are kept as keyed hashes (HMAC-SHA256 with `key`), so the registry alone names nobody.
    """

    def __init__(self, folder: Path, key: bytes, clock: Callable[[], dt.datetime]) -> None:
        if len(key) < 16:
            raise AnonymityError(f"the registry's key has {len(key)} bytes; use at least 16 random ones")
        self.folder, self._key, self._clock = folder, key, clock
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def _log(self) -> Path:
        return self.folder / "release.jsonl"

    def releases(self, table: str, recipient: str | None = None) -> tuple[Release, ...]:
        """Releases of a table, oldest first; of one recipient or of all."""
        if not self._log.exists():
            return ()
        lines = self._log.read_text(encoding="utf-8").splitlines()
        found = [Release(**json.loads(line)) for line in lines if line]
        return tuple(r for r in found if r.table == table and recipient in (None, r.recipient))

    def token(self, person: object) -> str:
        """Keyed hash under which a person is remembered."""
        return hmac.new(self._key, str(person).encode(), hashlib.sha256).hexdigest()

    def published(self, table: str) -> frozenset[str]:
        """Keyed hashes of the people in the newest version of a table."""
        pinned = self._pinned(table)
        return frozenset(pinned.index[pinned["version"] == len(self.releases(table))]) if len(pinned) else frozenset()

    def release(self, table: str, frame: pd.DataFrame, spec: Spec, recipient: str) -> pd.DataFrame:
        """Anonymise `frame` so that it cannot be joined with earlier releases of `table`, and record it.

        People released before keep their class and its labels; the others are anonymised among themselves and join
        the release once they can form classes, until then they wait. `spec.person` must name the person column, one
        row a person. Recipients may collude, so the releases to all of them count.

        Raises:
            SpecError: no person column, or a person with several rows.
            InfeasibleError: nobody can be released.
            AnonymityError: what an earlier release published is lost.
        """
        with self._alone():
            return self._release(table, frame, spec, recipient)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the registry's lock, which ends with the process."""
        with file_lock(self.folder / ".lock"):
            yield

    def _release(self, table: str, frame: pd.DataFrame, spec: Spec, recipient: str) -> pd.DataFrame:
        if spec.person is None or frame[spec.person].duplicated().any() or frame[spec.person].isna().any():
            raise SpecError("repeated releases need `person`: a column that is different and filled in every row")
        tokens = frame[spec.person].map(self.token)
        pinned = self._pinned(table)
        if spec.algorithm != "local" or spec.suppression_limit:
            raise SpecError("repeated releases use `algorithm: local` without suppression; new people may wait instead")
        old = self._keep(frame, tokens, pinned, spec)
        fresh = frame[~tokens.isin(pinned.index)]
        parts = [old]
        try:
            parts.append(anonymize(fresh, spec).table if len(fresh) else fresh.iloc[:0])
        except InfeasibleError:
            if old.empty:
                raise
        everybody = pd.concat([part for part in parts if len(part)] or [old])
        published = _without_broken(everybody, old.index, frame, spec)
        if published.empty:
            raise InfeasibleError("nobody can be released: every class lost too many people and nobody is new")
        self._check(published, frame, spec)
        self._record(table, published, tokens, pinned, spec, recipient)
        return published

    def _place(self, table: str, version: int) -> Path:
        return self.folder / f"{hashlib.sha256(table.encode()).hexdigest()[:16]}-{version}.parquet"

    def _pinned(self, table: str) -> pd.DataFrame:
        """Labels, class and newest version of everybody who was ever released."""
        version = len(self.releases(table))
        if not version:
            return pd.DataFrame({"group": pd.Series(dtype="int64")}, index=pd.Index([], name="token", dtype=object))
        path = self._place(table, version)
        if not path.exists():
            raise AnonymityError(
                f"the registry lacks {path.name}, which says what version {version} of {table} published; restore it "
                "from a backup: without it another release could undo that one"
            )
        return pd.read_parquet(path)

    def _keep(self, frame: pd.DataFrame, tokens: pd.Series, pinned: pd.DataFrame, spec: Spec) -> pd.DataFrame:
        """People of earlier releases under their earlier labels, class by class as far as it still holds."""
        known = frame[tokens.isin(pinned.index)]
        released = [n for n, c in spec.columns.items() if c.role != "identifying" and n != spec.person]
        if known.empty:
            return frame.iloc[:0][released]
        rows = pinned.loc[tokens[known.index]]
        out = known.copy()
        for name in spec.quasi:
            out[name] = rows[name].to_numpy()
        group = pd.Series(rows["group"].to_numpy(), known.index)
        kept = []
        for _, members in out.groupby(group, sort=True):
            part = members[released]
            if verify(part, frame, spec.model_copy(update={"suppression_limit": 1.0})).is_passed:
                kept.append(part)
        return pd.concat(kept) if kept else out.iloc[:0][released]

    def _check(self, published: pd.DataFrame, frame: pd.DataFrame, spec: Spec) -> None:
        verdict = verify(published, frame, spec.model_copy(update={"suppression_limit": 1.0}))
        if not verdict.is_passed:
            raise VerificationError(f"nothing was released: {len(verdict.violations)} classes break the models")

    def _record(
        self,
        table: str,
        published: pd.DataFrame,
        tokens: pd.Series,
        pinned: pd.DataFrame,
        spec: Spec,
        recipient: str,
    ) -> None:
        fresh = published[~tokens[published.index].isin(pinned.index)]
        start = int(pinned["group"].max()) + 1 if len(pinned) else 0
        added = fresh[list(spec.quasi)].copy()
        added["group"] = fresh.groupby(list(spec.quasi), sort=False).ngroup() + start
        added.index = pd.Index(tokens[fresh.index], name="token")
        version = len(self.releases(table)) + 1
        known = pd.concat([pinned, added.assign(version=version)]) if len(pinned) else added.assign(version=version)
        known.loc[tokens[published.index], "version"] = version
        content = io.BytesIO()
        known.to_parquet(content)
        replace_public(self._place(table, version), content.getvalue(), is_durable=True)
        entry = Release(
            table=table,
            version=version,
            recipient=recipient,
            released_at=self._clock().isoformat(),
            spec_digest=hashlib.sha256(spec.model_dump_json().encode()).hexdigest(),
            rows=len(published),
            classes=int(published.groupby(list(spec.quasi)).ngroups),
        )
        line = json.dumps(asdict(entry), ensure_ascii=False) + "\n"
        before = self._log.read_bytes() if self._log.exists() else b""
        replace_public(self._log, before + line.encode(), is_durable=True)
        current = self._place(table, version)
        for other in self.folder.glob(current.name.replace(f"-{version}.", "-*.")):
            if other != current:
                other.unlink()


def _without_broken(published: pd.DataFrame, known: pd.Index, frame: pd.DataFrame, spec: Spec) -> pd.DataFrame:
    """Without the new people of classes that do not hold beside everybody; they wait.

    New people were anonymised among themselves: their sensitive values may lie too far from those of all, and labels
    of theirs may be those of an earlier class.
    """
    verdict = verify(published, frame, spec.model_copy(update={"suppression_limit": 1.0}))
    broken = {violation.group for violation in verdict.violations}
    number = published.groupby(list(spec.quasi), sort=False, dropna=False).ngroup()
    return published[~number.isin(broken) | published.index.isin(known)]
