"""Compares what ingest made of a generated file with the true rows of the file."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bench.generated_file.flaw import TrueRow
from bench.generated_file.generate import GeneratedFile
from privacy.protection.token import Tokenizer

SHORTEST_REASON = 10


@dataclass
class Outcome:
    """What ingest made of one file: loaded rows, records and reasons of quarantined ones, refusals, notes.

    `waiting` names files that may still be being written. `rows_read` counts the rows of the loaded files.
    """

    rows: list[Mapping[str, Any]] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    rows_read: int = 0


def judge(file: GeneratedFile, outcome: Outcome, tokens: Tokenizer) -> list[str]:
    """Return the faults of an outcome; empty when each row is true, in quarantine, or refused with its file."""
    truth = {row.key: _with_tokens(row, file, tokens) for row in file.rows}
    counts = Counter(row["row_key"] for row in outcome.rows)
    faults = [f"row {key} is loaded, the file has no such row" for key in counts if key not in truth]
    faults += [f"row {key} is loaded {count} times" for key, count in counts.items() if count > 1]
    for row in outcome.rows:
        if row["row_key"] in truth:
            faults += _differences(row, truth[row["row_key"]])
    faults += _lost(file, outcome, set(counts))
    faults += _unexplained(outcome)
    if file.must_refuse and not outcome.refusals and not (file.is_cut and outcome.waiting):
        faults.append("the file is not refused")
    if not (outcome.refusals or outcome.waiting) and outcome.rows_read != len(outcome.rows) + len(outcome.reasons):
        faults.append(
            f"{outcome.rows_read} rows read, {len(outcome.rows)} loaded, {len(outcome.reasons)} in quarantine"
        )
    told = " ".join([*outcome.notes, *outcome.refusals])
    # A file with several flaws is refused for the first of them.
    if not (outcome.refusals or outcome.waiting) or (file.must_refuse and len(file.traits) == 1):
        faults += [f"no note names {name}" for name in file.noted if name not in told]
    return faults


def _with_tokens(row: TrueRow, file: GeneratedFile, tokens: Tokenizer) -> TrueRow:
    """Return the row with its matching tokens in place of the texts that they are made from."""
    accepted = dict(row.accepted)
    for column in file.columns:
        if kind := column.custom.get("token"):
            name = f"{column.name}_token"
            accepted[name] = tuple(text and tokens.token(kind, text) for text in accepted[name])
    return replace(row, accepted=accepted)


def _differences(row: Mapping[str, Any], true: TrueRow) -> list[str]:
    return [
        f"row {true.key} column {name}: loaded {row[name]!r}, true {accepted!r}"
        for name, accepted in true.accepted.items()
        if not any(_is_same(row[name], value) for value in accepted)
    ]


def _is_same(loaded: Any, true: Any) -> bool:
    if isinstance(true, dict | list):
        return isinstance(loaded, str) and _frozen(json.loads(loaded)) == _frozen(true)
    return type(loaded) is type(true) and bool(loaded == true)


def _frozen(value: Any) -> str:
    """Return JSON text in which true differs from 1, and 1 from 1.0."""
    return json.dumps(value, sort_keys=True)


def _lost(file: GeneratedFile, outcome: Outcome, loaded: set[str]) -> list[str]:
    if outcome.waiting and not outcome.rows:
        return [] if file.is_cut else ["a finished file waits"]
    if outcome.refusals:
        return ["a sound file is refused: " + "; ".join(outcome.refusals)] if file.is_sound else []
    kept = "\n".join(map(record_text, outcome.records))
    faults = []
    for row in file.rows:
        if row.key in loaded or not row.is_whole:
            continue
        if row.is_sound and row.key in kept and _reads_as_utf8(row, file.form.codec):
            continue  # two encodings fit the row, so quarantine is right
        if row.is_sound:
            faults.append(f"row {row.key} is sound and not loaded")
        elif row.key not in kept:
            faults.append(f"row {row.key} is neither loaded nor in quarantine")
    return faults


def _reads_as_utf8(row: TrueRow, codec: str) -> bool:
    """Return whether a line of the row's texts is also valid UTF-8, by chance."""
    texts = [str(values[0]) for values in row.accepted.values() if values]
    for line in "\n".join(texts).splitlines():
        try:
            if not line.isascii() and line.encode(codec).decode("utf-8"):
                return True
        except UnicodeError:
            continue
    return False


def _unexplained(outcome: Outcome) -> list[str]:
    texts: Sequence[str] = [*outcome.reasons, *outcome.refusals]
    return [f"no reason: {text!r}" for text in texts if len(text) < SHORTEST_REASON]


def record_text(record: str) -> str:
    """Return all texts of a quarantined record; bytes that are kept as base64 are decoded as Latin-1."""
    return "\n".join(_texts(json.loads(record)))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "base64":
                yield base64.b64decode(item).decode("iso-8859-1").replace("\0", "")
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)
