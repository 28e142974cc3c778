"""Renders a drafted contract as YAML, with a comment for every guess."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from pipelines.contracts.contract_draft import Draft, DraftColumn, list_all_doubts, list_doubts, list_guesses
from pipelines.contracts.encoding_guess import EncodingGuess
from pipelines.contracts.file_sample import find_suffix
from privacy.contract.vocabulary import load_vocabulary

_PLAIN = re.compile(r"[\w가-힣][\w가-힣 ./:()'-]*")


def render_draft(draft: Draft) -> str:
    """Return the drafted contract as YAML text."""
    lines = [*_head(draft), *_server(draft), *_schema(draft), *_service_levels(draft), ""]
    return "\n".join(_printable(line) if "#" in line else line for line in lines)


def _printable(line: str) -> str:
    """Return a line with a comment without characters that YAML does not allow, which headers may have."""
    return line if line.isprintable() else "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def _trial(draft: Draft) -> Iterator[str]:
    """Yield what a trial load with this draft has shown, and how many doubts a human must settle."""
    trial = draft.rehearsal
    if trial is not None and not trial.refusal:
        part = f"all {trial.rows} rows" if trial.is_whole else f"the first {trial.rows} rows"
        yield f"A trial load of {part} with this draft: {trial.quarantined} would go to quarantine."
    doubts = list_all_doubts(draft)
    if doubts:
        yield f"Comments that begin with `doubt:` ask {len(doubts)} questions that the file does not answer."
    of_columns = sum(1 for column in draft.columns for _ in list_doubts(draft, column))
    yield from (f"doubt: {doubt}" for doubt in doubts[: len(doubts) - of_columns])


def _scalar(value: object) -> str:
    """Return the value as a YAML scalar that every YAML parser reads back unchanged."""
    is_plain = isinstance(value, str) and _PLAIN.fullmatch(value) is not None
    if is_plain and ": " not in str(value) and yaml.safe_load(str(value)) == value:
        return str(value)
    return json.dumps(value, ensure_ascii=not str(value).isprintable())


def _custom(name: str, value: str) -> str:
    return f"- {{property: {name}, value: {value}, vendor: {load_vocabulary().vendor}}}"


def _head(draft: Draft) -> Iterator[str]:
    rows = f"{'all' if draft.sample.is_whole else 'the first'} {draft.sample.rows} rows"
    file_name = json.dumps(draft.file_name, ensure_ascii=not draft.file_name.isprintable())
    yield f"# Drafted by `bojagi contracts init` from {rows} of {file_name}."
    yield "# Check everything marked as a guess: correct it, describe the column, then remove `guess: true`."
    yield from (f"# {line}" for line in _trial(draft))
    yield "kind: DataContract"
    yield "apiVersion: v3.2.0"
    yield f"id: source.{draft.name}"
    yield f"name: {_scalar(draft.name)}"
    yield "version: 0.1.0"
    yield "status: draft"
    yield "team:"
    yield "  name: unknown  # guess: name the team that is responsible for this source"


def _server(draft: Draft) -> Iterator[str]:
    sample, form = draft.sample, draft.sample.form
    yield "servers:"
    yield "  - server: landing"
    yield "    type: local"
    yield f"    path: {_scalar(f'{draft.name}/*{find_suffix(sample.files[0])}')}"
    yield f"    format: {form.format}"
    if sample.encoding:
        yield from _encoding(sample.encoding)
    properties = list(_server_properties(draft))
    if any(not line.startswith("#") for line in properties):
        yield "    customProperties:"
    for line in properties:
        yield f"      {line}"


def _encoding(guess: EncodingGuess) -> Iterator[str]:
    yield f"    # guess: {guess.stated} because {guess.evidence}"
    if not guess.is_certain:
        yield "    # doubt: open the file in each of these encodings, and keep the one in which its texts are right."
        yield "    # `bojagi contracts check` refuses this contract until one encoding is stated."
    yield f"    encoding: {guess.stated}"


def _server_properties(draft: Draft) -> Iterator[str]:
    form = draft.sample.form
    for note in draft.sample.notes:
        yield f"# guess: {note}"
    if form.format == "csv":
        yield _custom("delimiter", json.dumps(form.delimiter))
        if form.quote != '"':
            yield _custom("quote", json.dumps(form.quote))
    if form.sheet:
        yield _custom("sheet", _scalar(form.sheet))
    if form.header_row > 1:
        yield _custom("headerRow", str(form.header_row))
    if form.footer_rows:
        yield _custom("footerRows", str(form.footer_rows))
    if draft.nulls.values:
        yield "# guess: texts that programs write for a missing value"
        yield _custom("nullValues", json.dumps(["", *draft.nulls.values], ensure_ascii=False))
    if draft.time_zone is not None:
        yield "# guess: times of this source state no zone; they are read as wall times of this zone"
        yield _custom("timeZone", _scalar(draft.time_zone))


def _schema(draft: Draft) -> Iterator[str]:
    key = ", ".join(draft.primary_key)
    grain = f"One row per {key}" if key else "One row per line of the file"
    yield "schema:"
    yield f"  - name: {_scalar(draft.name)}"
    yield "    description: Drafted from a file; describe what the table holds.  # guess"
    yield f"    dataGranularityDescription: {_scalar(grain)}  # guess"
    yield "    customProperties:"
    yield f"      {_custom('layer', 'source')}"
    yield "      # guess: state all purposes of the table; quality_assurance is the minimum"
    yield f"      {_custom('purpose', '[quality_assurance]')}"
    if draft.is_personal:
        yield "      # guess: state how long the rows are needed, and why"
        yield f"      {_custom('retentionBasis', _scalar('One year until a human decides'))}"
        yield "      # guess: the column that identifies the person"
        yield f"      {_custom('subjectKey', _scalar(draft.subject_key))}"
    if draft.event_time:
        yield f"      # guess: the rows may be events at {draft.event_time}. To add them to silver/touchpoint_event,"
        yield "      # write touchpoint: {channel, eventType} here and touchpointRole on the columns"
    yield "    properties:"
    for column in draft.columns:
        yield from _column(draft, column)


def _column(draft: Draft, column: DraftColumn) -> Iterator[str]:
    profile = column.profile
    for guess in list_guesses(column):
        yield f"      # guess: {guess}"
    for doubt in list_doubts(draft, column):
        yield f"      # doubt: {doubt}"
    yield f"      - name: {_scalar(column.name)}"
    if column.header != column.name:
        yield f"        physicalName: {_scalar(column.header)}"
    yield f"        description: {_scalar(f'Column {column.header} of the file')}  # guess"
    yield f"        logicalType: {profile.logical_type}"
    yield f"        physicalType: {profile.spark_type}"
    if column.is_key:
        yield "        primaryKey: true"
        yield f"        primaryKeyPosition: {draft.primary_key.index(column.name) + 1}"
    if profile.is_required:
        yield "        required: true"
    if options := _options(column):
        listed = ", ".join(f"{key}: {_scalar(value)}" for key, value in options.items())
        yield f"        logicalTypeOptions: {{{listed}}}"
    if column.enum:
        yield "        enum:"
        yield from (f"          - {{value: {json.dumps(value, ensure_ascii=False)}}}" for value in column.enum)
    yield "        customProperties:"
    yield from (f"          {line}" for line in _privacy(draft, column))


def _options(column: DraftColumn) -> dict[str, object]:
    """Return the options. Bounds of an identifier are left out, because they would reveal its values."""
    reading, bounds = column.profile.reading, column.profile.options
    if column.finding is not None and reading.logical_type in ("integer", "number"):
        bounds = {"minimum": 0} if bounds.get("minimum") == 0 else {}
    return {**reading.options, **bounds}


def _privacy(draft: Draft, column: DraftColumn) -> Iterator[str]:
    finding = column.finding
    if finding is not None:
        concept = finding.concept
        yield _custom("dataCategory", concept.category)
        yield _custom("identifierRole", concept.role)
        if concept.token:
            yield _custom("token", concept.token)
        if concept.standardise:
            yield _custom("standardise", concept.standardise)
    elif column.is_free_text:
        yield _custom("dataCategory", "pd:Communication")
        yield _custom("identifierRole", "sensitive")
    else:
        yield _custom("dataCategory", "dpv:PersonalData" if draft.is_personal else "dpv:NonPersonalData")
    for name, value in column.profile.reading.custom.items():
        yield _custom(name, json.dumps(value, ensure_ascii=False))
    yield _custom("guess", "true")


def _service_levels(draft: Draft) -> Iterator[str]:
    if not draft.is_personal:
        return
    element = f", element: {draft.name}.{draft.event_time}" if draft.event_time else ""
    yield "slaProperties:"
    yield f"  - {{property: retention, value: 1, unit: y{element}}}  # guess"
    yield "roles:"
    yield "  - {role: data_steward, access: read}  # guess: name the roles that may read it"
