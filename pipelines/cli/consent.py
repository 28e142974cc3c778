"""Commands `bojagi consent`: record consents, show permitted purposes, print receipts, import records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import consent_unread
from pipelines.cli.error_boundary import ErrorBoundary, print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from privacy.consent.record import ConsentRecord
    from privacy.consent.service import Statement

Customer = Annotated[str, typer.Argument(help="Opaque identifier of a customer or a source person.")]
PurposeName = Annotated[
    str, typer.Argument(help="Purpose, such as marketing; privacy/consent/purpose.yaml lists them.")
]
AnyPurpose = Annotated[str, typer.Argument(help="Purpose, such as marketing, or '*' for all.")]
At = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        help="Local wall time from which the record is valid. In a simulated market, now is the end of its last day.",
        show_default="now",
    ),
]
Moment = Annotated[
    datetime | None,
    typer.Option(
        "--at",
        help="Local wall time of the decision. In a simulated market, now is the end of its last day.",
        show_default="now",
    ),
]
Notice = Annotated[str, typer.Option("--notice", help="Version of the notice that was shown to the customer.")]
Language = Annotated[str, typer.Option("--language", help="Language of the notice.")]
Jurisdiction = Annotated[str, typer.Option("--jurisdiction", help="Country whose law applies.")]
Method = Annotated[str, typer.Option("--method", help="How the customer expressed it, such as web_form.")]
Evidence = Annotated[
    Path | None,
    typer.Option(
        "--evidence",
        help="File of the signed form or recording; only its SHA-256 is kept.",
        exists=True,
        dir_okay=False,
    ),
]
Age = Annotated[
    int | None, typer.Option("--age", help="Age in full years. An unknown age counts as under fourteen in Korea.")
]
Guardian = Annotated[bool, typer.Option("--guardian", help="The consent is given by the legal guardian.")]
Categories = Annotated[
    list[str] | None, typer.Option("--category", help="Data category that is covered, as a W3C DPV term; repeatable.")
]
Recipients = Annotated[
    list[str] | None, typer.Option("--recipient", help="Recipient of the data that the notice names; repeatable.")
]
AskedOption = Annotated[
    str, typer.Option("--asked", help="How it was asked for: separately, bundled or condition_of_service.")
]
Until = Annotated[datetime | None, typer.Option("--until", help="Local wall time at which the consent ends.")]
Storage = Annotated[str | None, typer.Option("--storage", help="Place and duration of storage, as in the notice.")]
Lift = Annotated[bool, typer.Option("--lift", help="Lift the objection, or with --restrict the restriction.")]
Restrict = Annotated[bool, typer.Option("--restrict", help="Restrict the processing instead of objecting to it.")]

app = typer.Typer(
    cls=ErrorBoundary,
    help="Record consents and withdrawals, and show what is permitted.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


app.command()(consent_unread.unread)
app.command()(consent_unread.resolve)


@app.command()
def grant(
    customer: Customer, purpose: PurposeName, notice: Notice, age: Age = None, guardian: Guardian = False,
    categories: Categories = None, recipients: Recipients = None, until: Until = None, storage: Storage = None,
    language: Language = "ko", jurisdiction: Jurisdiction = "KR", method: Method = "call_center",
    asked: AskedOption = "separately", evidence: Evidence = None, at: At = None, data: Data = None,
) -> None:  # fmt: skip
    """Record that a customer consents to a purpose, or renews a consent. Prints the identifiers of the records.

    A customer with several source persons (two registrations of one person) gets a record for each of them.

    [bold]Examples[/bold]

      bojagi consent grant c_5kq... marketing --notice 2026.1 --age 34
      bojagi consent grant c_5kq... research --notice 2026.1 --age 12 --guardian --evidence form.pdf
      bojagi consent grant c_5kq... sensitive_research --category pd:Health --notice 2026.1 --age 34
    """
    from privacy.consent.service import Terms

    terms = Terms(
        notice, language, jurisdiction, tuple(categories or ()), tuple(recipients or ()), storage, until, age,
        asked,  # type: ignore[arg-type]
        "guardian" if guardian else "self",
    )  # fmt: skip
    with installation_for(data) as installation:
        _print(installation.consent_service().grant(customer, purpose, terms, _statement(method, at, evidence)))


@app.command()
def withdraw(
    customer: Customer, purpose: PurposeName, method: Method = "call_center", evidence: Evidence = None,
    at: At = None, data: Data = None,
) -> None:  # fmt: skip
    """Record that a customer withdraws a consent. It counts at the next read; tables change with the next run.

    Withdrawing advertising_message, which rests on marketing, leaves marketing permitted.

    [bold]Examples[/bold]

      bojagi consent withdraw c_5kq... analytics && bojagi run
      bojagi consent withdraw c_5kq... marketing --method email_link --evidence mail.eml
      bojagi consent withdraw c_5kq... advertising_message
    """
    with installation_for(data) as installation:
        _print(installation.consent_service().withdraw(customer, purpose, _statement(method, at, evidence)))


@app.command("object")
def object_to(
    customer: Customer, purpose: AnyPurpose, lift: Lift = False, restrict: Restrict = False,
    method: Method = "call_center", evidence: Evidence = None, at: At = None, jurisdiction: Jurisdiction = "KR",
    data: Data = None,
) -> None:  # fmt: skip
    """Record an objection to a purpose, or a restriction of it. Both override consent until they are lifted.

    [bold]Examples[/bold]

      bojagi consent object c_5kq... marketing
      bojagi consent object c_5kq... '*' --restrict
      bojagi consent object c_5kq... '*' --restrict --lift
    """
    statement = _statement(method, at, evidence)
    with installation_for(data) as installation:
        service = installation.consent_service()
        if lift:
            lifted = service.lift(
                customer, purpose, "restriction" if restrict else "objection", statement, jurisdiction
            )
            _print(lifted)
        elif restrict:
            _print(service.restrict(customer, purpose, statement, jurisdiction))
        else:
            _print(service.object(customer, purpose, statement, jurisdiction))


@app.command()
def show(customer: Customer, at: Moment = None, as_json: Json = False, data: Data = None) -> None:
    """Show for every purpose whether it is permitted for a customer at a moment. The exit code is 0 either way.

    [bold]Examples[/bold]

      bojagi consent show c_5kq...
      bojagi consent show c_5kq... --at 2017-03-01T22:00:00 --json | jq .permitted.advertising_message
    """
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation:
        moment, policy = at or installation.decision_moment(), installation.policy
        verdicts = installation.consent_service().verdicts(customer, moment)
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
    """Show all records of a customer's source persons, in the order of recording.

    [bold]Examples[/bold]

      bojagi consent history c_5kq...
      bojagi consent history c_5kq... --json > records.jsonl
    """
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation:
        records = installation.consent_service().history(customer)
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
    record_id: Annotated[str, typer.Argument(help="Identifier of the record; `bojagi consent history` lists them.")],
    data: Data = None,
) -> None:
    """Print the receipt of a record: JSON-LD in the W3C Data Privacy Vocabulary.

    [bold]Examples[/bold]

      bojagi consent receipt r_0c9d... > receipt.jsonld
    """
    from privacy.consent.receipt import write_receipt
    from privacy.consent.record import is_opaque_id

    with installation_for(data) as installation:
        record = installation.consent_store.record(record_id) if is_opaque_id(record_id) else None
        taxonomy = installation.policy.taxonomy
    if record is None:
        print_error("There is no record with this identifier; `bojagi consent history CUSTOMER` lists a customer's.")
        raise typer.Exit(ExitCode.REFUSED)
    typer.echo(json.dumps(write_receipt(record, taxonomy), ensure_ascii=False, indent=1))


@app.command("import")
def import_records(
    file: Annotated[
        Path,
        typer.Argument(help="File of JSON lines with one record each, or of one receipt.", exists=True, dir_okay=False),
    ],
    landed: Annotated[
        bool,
        typer.Option(
            "--landed", help="The lines have the fields of the source consent_event, with member numbers in clear."
        ),
    ] = False,
    data: Data = None,
) -> None:
    """Import records: `history --json` of another store, a receipt, or a landed file. Known records are left out.

    Files in landing/consent_event need no import: `bojagi run` takes them in, and adds the ages.

    [bold]Examples[/bold]

      bojagi consent import records.jsonl
      bojagi consent import receipt.jsonld
    """
    with installation_for(data) as installation:
        read = list(_read(file, landed, installation))
        new = installation.consent_service().take_in(read)
    typer.echo(f"{len(new)} records imported, {len(read) - len(new)} were recorded before")


def _statement(method: str, at: datetime | None, evidence: Path | None) -> Statement:
    from privacy.consent.service import Statement

    return Statement(method, at, evidence.read_bytes() if evidence else None)


def _print(records: list[ConsentRecord]) -> None:
    for record in records:
        typer.echo(record.record_id)


def _read(file: Path, landed: bool, installation: Installation) -> Iterator[ConsentRecord]:
    from privacy.consent.errors import ConsentError
    from privacy.consent.imported import read_exported, read_landed
    from privacy.consent.receipt import read_receipt

    token = installation.tokenizer.token if landed else None
    for place, row in _rows(file):
        if not isinstance(row, dict):
            raise ConsentError(f"{place}: not a record; expected a JSON object with the fields of a record.")
        if token is not None:
            yield read_landed(row, partial(token, "member_no"), lambda _, __: None, place)
        elif "@context" in row:
            yield read_receipt(row)
        else:
            yield read_exported(row, place)


def _rows(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield the JSON documents of a file, each with its place: the whole file, or one document per line."""
    from privacy.consent.errors import ConsentError

    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConsentError(f"{file.name}: not UTF-8 text; expected one record in JSON on each line.") from error
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
            raise ConsentError(f"{file.name}:{number}: not JSON; expected one record on each line.") from error
