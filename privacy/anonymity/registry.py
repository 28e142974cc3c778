"""The registry of releases: keeps classes fixed, so that combining two releases of one table reveals no more than one.

A recipient of two versions could intersect the classes of a person, or subtract one version from the other. So a class
is published again only as it was: with exactly the same people and the same sensitive values. New people form classes
of their own. A class that lost a person, by erasure or withdrawal, or in which a sensitive value changed, is left out;
its other people wait. It returns when it is again as it was, for example when the person consents anew.

Guarantee: two versions differ only in whole classes. So no sensitive value can be computed as the difference of two
versions of a class, and the classes of a person in any two versions are one class (m-invariance of Xiao and Tao 2007,
with the class itself as the invariant). Columns with the role `insensitive` are not covered: they are released anew as
they are now. That a class disappears shows that one of its people left or changed.
The registry holds keyed hashes and published labels, no values.

A release counts from its line in the log on. Files that an interrupted release wrote before that are ignored. One
release is made at a time: a second caller waits and sees the first release.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from privacy.anonymity.anonymize import anonymize
from privacy.anonymity.errors import AnonymityError, InfeasibleError, SpecError, VerificationError
from privacy.anonymity.spec.specification import Spec
from privacy.anonymity.table.frequency_table import as_text
from privacy.anonymity.verify.verification import verify
from privacy.storage.document_store import DocumentStore, FolderDocuments

LOG = "release.jsonl"
"""The document with a line for each release."""


@dataclass(frozen=True)
class Release:
    """One line of the registry: one release of a table to one recipient."""

    table: str
    version: int
    recipient: str
    released_at: str
    spec_digest: str
    rows: int
    classes: int


class ReleaseRegistry:
    """Records releases as JSON lines, and each person's class and last version, in a folder or on a server.

    People are stored as keyed hashes (HMAC-SHA256 with `key`), so the registry alone identifies no person.
    """

    def __init__(self, place: Path | DocumentStore, key: bytes, clock: Callable[[], dt.datetime]) -> None:
        if len(key) < 16:
            raise AnonymityError(f"the registry's key has {len(key)} bytes; use at least 16 random ones")
        self._documents: DocumentStore = FolderDocuments(place) if isinstance(place, Path) else place
        self._key, self._clock = key, clock

    def releases(self, table: str, recipient: str | None = None) -> tuple[Release, ...]:
        """Returns the releases of a table, oldest first, to one `recipient` or (None) to all."""
        found = [Release(**json.loads(line)) for line in self._lines() if line]
        return tuple(r for r in found if r.table == table and recipient in (None, r.recipient))

    def tables(self) -> tuple[str, ...]:
        """Returns the names of the tables that were released, in alphabetical order."""
        return tuple(sorted({str(json.loads(line)["table"]) for line in self._lines() if line}))

    def _lines(self) -> list[str]:
        return (self._documents.read(LOG) or b"").decode("utf-8").splitlines()

    def token(self, person: object) -> str:
        """Returns the keyed hash under which a person is stored."""
        return hmac.new(self._key, str(person).encode(), hashlib.sha256).hexdigest()

    def published(self, table: str) -> frozenset[str]:
        """Returns the keyed hashes of the people in the newest version of a table."""
        pinned = self._pinned(table)
        return frozenset(pinned.index[pinned["version"] == len(self.releases(table))]) if len(pinned) else frozenset()

    def release(self, table: str, frame: pd.DataFrame, spec: Spec, recipient: str) -> pd.DataFrame:
        """Anonymises `frame` so that it cannot be combined with earlier releases of `table`, and records the release.

        People released before keep their class and its labels, or wait while their class is not as it was. New people
        are anonymised among themselves and wait until they can form a class. `spec.person` must name the person column,
        with one row for each person. Recipients may collude, so releases to all recipients count.

        Raises:
            SpecError: no person column, or a person with several rows.
            InfeasibleError: no person can be released.
            AnonymityError: the file of an earlier release is missing.
        """
        with self._documents.alone():
            return self._release(table, frame, spec, recipient)

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
        everyone = pd.concat([part for part in parts if len(part)] or [old])
        published = _without_broken(everyone, old.index, frame, spec)
        if published.empty:
            raise InfeasibleError(
                "no class still satisfies the models and there are no new people; weaken a model, or release again "
                "when people have been added"
            )
        self._check(published, frame, spec)
        self._record(table, published, tokens, pinned, spec, recipient)
        return published

    def _name(self, table: str, version: int) -> str:
        return f"{hashlib.sha256(table.encode()).hexdigest()[:16]}-{version}.parquet"

    def _pinned(self, table: str) -> pd.DataFrame:
        """Returns the labels, class and newest version of each person in any earlier release."""
        version = len(self.releases(table))
        if not version:
            return pd.DataFrame(
                {"group": pd.Series(dtype="int64"), "content": pd.Series(dtype="str")},
                index=pd.Index([], name="token", dtype=object),
            )
        content = self._documents.read(name := self._name(table, version))
        if content is None:
            raise AnonymityError(
                f"the registry lacks {name}, the record of version {version} of {table}; restore it "
                "from a backup: without it a new release could be combined with that one to identify people"
            )
        return pd.read_parquet(io.BytesIO(content))

    def _keep(self, frame: pd.DataFrame, tokens: pd.Series, pinned: pd.DataFrame, spec: Spec) -> pd.DataFrame:
        """Returns people of earlier releases under their earlier labels, for each class that is as it was first
        released and still satisfies the models.
        """
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
        for number, members in out.groupby(group, sort=True):
            part = members[released]
            if not self._is_as_it_was(int(number), members, pinned, spec):
                continue
            if verify(part, frame, spec.model_copy(update={"suppression_limit": 1.0})).is_passed:
                kept.append(part)
        return pd.concat(kept) if kept else out.iloc[:0][released]

    def _is_as_it_was(self, group: int, members: pd.DataFrame, pinned: pd.DataFrame, spec: Spec) -> bool:
        """Returns whether a class has all people and all sensitive values with which it was first released."""
        first = pinned[pinned["group"] == group]
        return len(members) == len(first) and self._content(group, members, spec) == first["content"].iloc[0]

    def _content(self, group: int, members: pd.DataFrame, spec: Spec) -> str:
        """Returns a keyed hash of the sensitive values of a class, in any order of its rows."""
        texts = [as_text(members[name]).tolist() for name in spec.by_role("sensitive")]
        content = json.dumps([int(group), sorted(zip(*texts, strict=True)), len(members)], ensure_ascii=False)
        return hmac.new(self._key, b"class\0" + content.encode(), hashlib.sha256).hexdigest()

    def _check(self, published: pd.DataFrame, frame: pd.DataFrame, spec: Spec) -> None:
        verdict = verify(published, frame, spec.model_copy(update={"suppression_limit": 1.0}))
        if not verdict.is_passed:
            raise VerificationError(
                f"nothing was released: {len(verdict.violations)} classes break the models; report this"
            )

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
        contents = {number: self._content(number, members, spec) for number, members in fresh.groupby(added["group"])}
        added["content"] = added["group"].map(contents)
        added.index = pd.Index(tokens[fresh.index], name="token")
        version = len(self.releases(table)) + 1
        known = pd.concat([pinned, added.assign(version=version)]) if len(pinned) else added.assign(version=version)
        known.loc[tokens[published.index], "version"] = version
        content = io.BytesIO()
        known.to_parquet(content)
        self._documents.write(self._name(table, version), content.getvalue())
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
        self._documents.write(LOG, (self._documents.read(LOG) or b"") + line.encode())
        current = self._name(table, version)
        for other in self._documents.names():
            if other != current and other.partition("-")[0] == current.partition("-")[0]:
                self._documents.delete(other)


def _without_broken(published: pd.DataFrame, known: pd.Index, frame: pd.DataFrame, spec: Spec) -> pd.DataFrame:
    """Removes new people whose classes break a model in the whole release; they wait for a later version.

    New people were anonymised among themselves. Their sensitive values may be too far from those of the whole table, or
    their labels may equal those of an earlier class.
    """
    verdict = verify(published, frame, spec.model_copy(update={"suppression_limit": 1.0}))
    broken = {violation.group for violation in verdict.violations}
    number = published.groupby(list(spec.quasi), sort=False, dropna=False).ngroup()
    return published[~number.isin(broken) | published.index.isin(known)]
