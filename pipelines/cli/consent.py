"""`bojagi consent`: record what a person says, show what is permitted, hand out receipts, import records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.consent_desk import opened
from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json

if TYPE_CHECKING:
    from installation.installation import Installation
    from privacy.consent.record import ConsentRecord

Customer = Annotated[str, typer.Argument(help="Customer, or source person, by its opaque identifier.")]
PurposeName = Annotated[str, typer.Argument(help="Purpose of the taxonomy, such as marketing.")]
AnyPurpose = Annotated[str, typer.Argument(help="Purpose of the taxonomy, or '*' for all.")]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        help="Local wall time; a simulated market stands at the end of its last day.",
        show_default="now",
    ),
]
Notice = Annotated[str, typer.Option("--notice", help="Version of the notice that was shown.")]
Language = Annotated[str, typer.Option("--language", help="Language of the notice.")]
Jurisdiction = Annotated[str, typer.Option("--jurisdiction", help="Country whose law governs.")]
Method = Annotated[str, typer.Option("--method", help="How it was expressed.")]
Evidence = Annotated[
    Path | None,
    typer.Option("--evidence", help="The stored form or recording; its SHA-256 is kept.", exists=True, dir_okay=False),
]
_KEPT = (
    "purpose", "notice_version", "notice_language", "jurisdiction", "data_categories", "recipients", "storage",
    "age_years",
)  # fmt: skip
"""What a withdrawal says as the consent before it did."""

app = typer.Typer(
    cls=ErrorBoundary,
    help="Record consents and withdrawals, and show what they permit.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def grant(
    customer: Customer, purpose: PurposeName, notice: Notice, age: Annotated[
        int | None, typer.Option("--age", help="Age in full years; unknown counts as under fourteen in Korea.")
    ] = None,
    guardian: Annotated[bool, typer.Option("--guardian", help="The legal guardian says it.")] = False,
    categories: Annotated[list[str] | None, typer.Option("--category", help="W3C DPV term; repeat.")] = None,
    recipients: Annotated[list[str] | None, typer.Option("--recipient", help="Recipient named; repeat.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Until when it holds.")] = None,
    storage: Annotated[str | None, typer.Option("--storage", help="Where and how long, as the notice said.")] = None,
    language: Language = "ko", jurisdiction: Jurisdiction = "KR", method: Method = "call_center",
    evidence: Evidence = None, at: At = None, data: Data = None,
) -> None:  # fmt: skip
    """Record that a person consents; renews a consent that is there. Prints the identifiers of the records.

    A customer of several source persons (two registrations of one person) speaks for each of them.

    [bold]Examples[/bold]

      bojagi consent grant c_5kq... marketing --notice 2026.1 --age 34
      bojagi consent grant c_5kq... research --notice 2026.1 --age 12 --guardian --evidence form.pdf
      bojagi consent grant c_5kq... sensitive_research --category pd:Health --notice 2026.1 --age 34
    """
    fields = {
        "purpose": purpose, "notice_version": notice, "notice_language": language, "jurisdiction": jurisdiction,
        "method": method, "age_years": age, "expressed_by": "guardian" if guardian else "self", "storage": storage,
        "data_categories": tuple(categories or ()), "recipients": tuple(recipients or ()), "expires_at": until,
    }  # fmt: skip
    with opened(data) as desk:
        for subject in desk.store.members_of(customer):
            before = desk.latest(subject, purpose)
            is_renewal = before is not None and before.state in {"given", "renewed"}
            desk.append(subject, "renewed" if is_renewal else "given", at, evidence, fields, before)


@app.command()
def withdraw(
    customer: Customer, purpose: PurposeName, method: Method = "call_center", evidence: Evidence = None,
    at: At = None, data: Data = None,
) -> None:  # fmt: skip
    """Record that a person withdraws a consent. It counts from the next question on, in tables from the next run.

    [bold]Examples[/bold]

      bojagi consent withdraw c_5kq... analytics && bojagi run
      bojagi consent withdraw c_5kq... marketing --method email_link --evidence mail.eml
    """
    with opened(data) as desk:
        spoken = [(subject, desk.latest(subject, purpose)) for subject in desk.store.members_of(customer)]
        if all(before is None for _, before in spoken):
            typer.echo(f"There is no record of a consent to {purpose}; nothing was permitted.", err=True)
            raise typer.Exit(ExitCode.REFUSED)
        for subject, before in spoken:
            if before is not None:
                fields = {name: getattr(before, name) for name in _KEPT}
                desk.append(subject, "withdrawn", at, evidence, fields | {"method": method}, before)


@app.command("object")
def object_to(
    customer: Customer, purpose: AnyPurpose,
    lift: Annotated[bool, typer.Option("--lift", help="Take it back.")] = False,
    restrict: Annotated[bool, typer.Option("--restrict", help="Restrict the processing instead.")] = False,
    method: Method = "call_center", evidence: Evidence = None, at: At = None, jurisdiction: Jurisdiction = "KR",
    data: Data = None,
) -> None:  # fmt: skip
    """Record an objection to a purpose, or a restriction; either overrides consent.

    [bold]Examples[/bold]

      bojagi consent object c_5kq... marketing
      bojagi consent object c_5kq... '*' --restrict
      bojagi consent object c_5kq... '*' --restrict --lift
    """
    states = {(0, 0): "objected", (0, 1): "objection_lifted", (1, 0): "restricted", (1, 1): "restriction_lifted"}
    fields = {
        "purpose": purpose, "notice_version": "none", "notice_language": "ko", "jurisdiction": jurisdiction,
        "method": method,
    }  # fmt: skip
    with opened(data) as desk:
        for subject in desk.store.members_of(customer):
            desk.append(subject, states[restrict, lift], at, evidence, fields, None)


@app.command()
def show(customer: Customer, at: At = None, as_json: Json = False, data: Data = None) -> None:
    """Show which purposes are permitted for a customer at a moment. Exit code 0 either way.

    [bold]Examples[/bold]

      bojagi consent show c_5kq...
      bojagi consent show c_5kq... --at 2017-03-01T22:00:00 --json | jq .permitted.advertising_message
    """
    from pipelines.cli.grid import make_grid, open_console
    from privacy.consent.index import DecisionIndex
    from privacy.consent.policy import built_in_policy
    from privacy.consent.timeline import build_timeline

    policy = built_in_policy()
    with opened(data) as desk:
        moment, controller = at or desk.installation.decision_moment(), desk.installation.settings.controller
        subjects = desk.store.subjects_of(customer)
        tables = desk.store.record_table(subjects), desk.store.membership_table(subjects)
    index = DecisionIndex(build_timeline(*tables, policy, controller), policy)
    verdicts = {purpose: index.is_permitted(customer, purpose, moment) for purpose in policy.purposes}
    if as_json:
        typer.echo(json.dumps({"at": moment.isoformat(), "permitted": verdicts}))
        return
    grid = make_grid("purpose", f"at {moment.isoformat(' ', 'seconds')}", "rests on")
    for purpose, permitted in verdicts.items():
        basis, hours = policy.taxonomy[purpose].basis.replace("_", " "), policy.hours_of(purpose)
        is_night = hours is not None and hours.holds_at(moment) and not permitted
        night = f"; at this hour it needs {hours.needs} too: {hours.article}" if hours and is_night else ""
        grid.add_row(purpose, "[green]permitted[/green]" if permitted else "[red]refused[/red]", f"{basis}{night}")
    open_console().print(grid)


@app.command()
def history(customer: Customer, as_json: Json = False, data: Data = None) -> None:
    """Show every record of a customer's source persons, in the order of recording.

    [bold]Examples[/bold]

      bojagi consent history c_5kq...
      bojagi consent history c_5kq... --json > records.jsonl
    """
    from pipelines.cli.grid import make_grid, open_console

    with opened(data) as desk:
        records = desk.store.records_of(desk.store.subjects_of(customer))
    if as_json:
        for record in records:
            typer.echo(record.model_dump_json())
        return
    grid = make_grid("effective at", "state", "purpose", "expressed by", "record")
    for record in records:
        when = record.effective_at.isoformat(" ", "seconds")
        grid.add_row(when, record.state, record.purpose, record.expressed_by, record.record_id)
    open_console().print(grid)


@app.command()
def receipt(
    record_id: Annotated[str, typer.Argument(help="Identifier of the record; `history` lists them.")],
    data: Data = None,
) -> None:
    """Print the receipt of a record: JSON-LD in the W3C Data Privacy Vocabulary.

    [bold]Examples[/bold]

      bojagi consent receipt r_0c9d... > receipt.jsonld
    """
    from privacy.consent.policy import built_in_policy
    from privacy.consent.receipt import write_receipt

    with opened(data) as desk:
        record = desk.store.record(record_id)
    if record is None:
        typer.echo("There is no record of that identifier; `bojagi consent history` lists them.", err=True)
        raise typer.Exit(ExitCode.REFUSED)
    typer.echo(json.dumps(write_receipt(record, built_in_policy().taxonomy), ensure_ascii=False, indent=1))


@app.command("import")
def import_records(
    file: Annotated[
        Path, typer.Argument(help="JSON lines, one record each; or one receipt.", exists=True, dir_okay=False)
    ],
    landed: Annotated[
        bool, typer.Option("--landed", help="The lines are of the source consent_event, members in clear.")
    ] = False,
    data: Data = None,
) -> None:
    """Import records: `history --json` of another store, a receipt, or a landed file. What is there is left out.

    Files in landing/consent_event need no import: `bojagi run` takes them in, and knows the ages.

    [bold]Examples[/bold]

      bojagi consent import records.jsonl
      bojagi consent import receipt.jsonld
    """
    with opened(data) as desk:
        read = list(_read(file, landed, desk.installation))
        new = {record.record_id: record for record in read if not desk.store.has(record.record_id)}
        desk.store.append(new.values())
    typer.echo(f"{len(new)} records imported, {len(read) - len(new)} known already")


def _read(file: Path, landed: bool, installation: Installation) -> Iterator[ConsentRecord]:
    from privacy.consent.errors import ConsentError
    from privacy.consent.imported import read_exported, read_landed
    from privacy.consent.receipt import read_receipt

    token = installation.tokenizer.token if landed else None
    for place, row in _rows(file):
        if not isinstance(row, dict):
            raise ConsentError(f"{place}: no record; expected a JSON object with its fields.")
        if token is not None:
            yield read_landed(row, partial(token, "member_no"), lambda _, __: None, place)
        elif "@context" in row:
            yield read_receipt(row)
        else:
            yield read_exported(row, place)


def _rows(file: Path) -> Iterator[tuple[str, Any]]:
    """The JSON documents of a file with their places: one document, or one a line."""
    from privacy.consent.errors import ConsentError

    text = file.read_text("utf-8-sig")
    try:
        found = [(f"{file.name}:1", json.loads(text))]
    except ValueError:
        found = []  # not one document: then one a line
    yield from found
    if found:
        return
    for number, line in enumerate(text.splitlines(), 1):
        try:
            yield f"{file.name}:{number}", json.loads(line)
        except ValueError as error:
            raise ConsentError(f"{file.name}:{number}: no JSON; expected one record a line.") from error
