"""Keeps the definitions of audiences, and the history of all rules whose size was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from features.insight.audience.errors import (
    AudienceError,
    DefinitionError,
    TooManyQuestionsError,
    UnknownAudienceError,
    UnreadableAudienceError,
)
from features.insight.audience.rule import Audience, read_audience
from privacy.storage.document_store import DocumentStore

HISTORY_DAYS = 365
"""Days for which a rule is compared with new ones. After a year, the groups behind most rules are others."""
MOST_QUESTIONS = 1000
"""Different rules that are asked for in HISTORY_DAYS. Each answer, or refusal, narrows down what others leave open."""
_HISTORY, _ASKED, _DEFINITION = "history.json", "asked.json", ".audience.yaml"


@dataclass(frozen=True)
class Question:
    """A rule whose size was told, and the last day on which it was asked for. `digest` is that of the audience."""

    digest: str
    text: str
    asked_on: str

    @property
    def audience(self) -> Audience:
        """The rule, under the name that it had when it was first asked for.

        Raises:
            UnreadableAudienceError: the history was damaged.
        """
        return _read(self.text, _HISTORY)


class AudienceStore:
    """Definitions by name, and the history, in one store of documents. They name no customer."""

    def __init__(self, documents: DocumentStore) -> None:
        self._documents = documents

    def names(self) -> list[str]:
        """Return the names of all audiences."""
        found = self._documents.names()
        return [name.removesuffix(_DEFINITION) for name in found if name.endswith(_DEFINITION)]

    def read(self, name: str) -> Audience:
        """Return the audience of that name.

        Raises:
            UnknownAudienceError: there is none.
            UnreadableAudienceError: its document was damaged.
        """
        if name not in (known := self.names()):
            raise UnknownAudienceError(name, known)
        return _read((self._documents.read(name + _DEFINITION) or b"").decode(errors="replace"), name + _DEFINITION)

    def write(self, audience: Audience, *, replaces: bool) -> None:
        """Store a definition under its name.

        Raises:
            AudienceError: the name is taken, and nothing is to be replaced.
        """
        with self._documents.alone():
            if not replaces and audience.name in self.names():
                raise AudienceError(f"There is an audience {audience.name!r} already; choose a name, or replace it.")
            self._documents.write(audience.name + _DEFINITION, audience.text().encode())

    def delete(self, name: str) -> None:
        """Delete a definition. Its rule stays in the history.

        Raises:
            UnknownAudienceError: there is none.
        """
        if name not in (known := self.names()):
            raise UnknownAudienceError(name, known)
        self._documents.delete(name + _DEFINITION)

    def questions(self, today: date) -> tuple[Question, ...]:
        """Return the rules of the last `HISTORY_DAYS`, those that were first asked for first.

        Raises:
            UnreadableAudienceError: the history was damaged. Without it, what was refused would be answered.
        """
        found = (Question(*row) for row in self._rows(_HISTORY, 3))
        return tuple(one for one in found if one.asked_on >= _first(today))

    def count(self, digest: str, today: date) -> None:
        """Count a rule, before it is evaluated, among the different ones of the last HISTORY_DAYS.

        Raises:
            TooManyQuestionsError: it is new, and there are MOST_QUESTIONS of them.
            UnreadableAudienceError: the document was damaged.
        """
        with self._documents.alone():
            asked = {one: day for one, day in self._rows(_ASKED, 2) if day >= _first(today)}
            if digest not in asked and len(asked) >= MOST_QUESTIONS:
                raise TooManyQuestionsError(MOST_QUESTIONS, HISTORY_DAYS)
            rows = list((asked | {digest: today.isoformat()}).items())
            self._documents.write(_ASKED, json.dumps(rows).encode())

    def note(self, audience: Audience, digest: str, compared: Sequence[Question], today: date) -> bool:
        """Put a rule on the history before its size is told; return False if there are new rules to compare it with.

        Args:
            audience: the audience as it was written.
            digest: the digest of the bound audience.
            compared: the rules with which the audience was compared.
            today: the day of the question.

        Raises:
            DefinitionError: the audience was not read from a document and could not be read again.
        """
        text = audience.text()
        if read_audience(text) != audience:
            raise DefinitionError("the audience", "values that YAML does not keep", "what `read_audience` returns")
        with self._documents.alone():
            known = self.questions(today)
            earlier = earlier_than(digest, known)
            if not {one.digest for one in earlier} <= {one.digest for one in compared}:
                return False
            is_new = len(earlier) == len(known)
            asked = Question(digest, text if is_new else known[len(earlier)].text, today.isoformat())
            kept = [*earlier, asked, *known[len(earlier) + 1 :]]
            rows = [[one.digest, one.text, one.asked_on] for one in kept]
            self._documents.write(_HISTORY, json.dumps(rows, ensure_ascii=False).encode())
        return True

    def _rows(self, document: str, width: int) -> list[list[str]]:
        """Return the rows of a document, each of `width` texts; none if there is no document."""
        content = self._documents.read(document)
        try:
            rows: list[list[str]] = json.loads(b"[]" if content is None else content)
        except (ValueError, RecursionError):
            raise UnreadableAudienceError(document) from None
        is_table = isinstance(rows, list) and all(isinstance(row, list) and len(row) == width for row in rows)
        if not is_table or not all(isinstance(text, str) for row in rows for text in row):
            raise UnreadableAudienceError(document)
        return rows


def _first(today: date) -> str:
    return (today - timedelta(HISTORY_DAYS)).isoformat()


def _read(text: str, document: str) -> Audience:
    try:
        return read_audience(text)
    except DefinitionError as error:
        raise UnreadableAudienceError(document) from error


def earlier_than(digest: str, known: Sequence[Question]) -> tuple[Question, ...]:
    """Return the rules that were asked for before the one with this digest; all if it is new.

    Only with these is it compared. So a size that was told stays available, and the later one of two rules is refused
    if new data have made them alike.
    """
    place = next((n for n, one in enumerate(known) if one.digest == digest), len(known))
    return tuple(known[:place])
