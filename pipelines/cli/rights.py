"""Commands `bojagi rights`: take requests of data subjects, decide on them, execute them, verify certificates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import rights_hold, rights_scan
from pipelines.cli.error_boundary import ErrorBoundary, print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for
from pipelines.cli.rights_hold import Who, officer

if TYPE_CHECKING:
    from installation.installation import Installation
    from privacy.rights.request import Request
    from privacy.rights.service import RightsService

RequestId = Annotated[str, typer.Argument(help="Number of the request; `bojagi rights list` shows it.")]
Evidence = Annotated[
    Path | None,
    typer.Option("--evidence", help="File of the document that was seen; only its SHA-256 is kept.", exists=True),
]

_EMPTY: tuple[object, ...] = (None, [], {}, "")

app = typer.Typer(
    cls=ErrorBoundary,
    help="Take, decide and execute requests of data subjects, and verify certificates.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def submit(
    right: Annotated[
        str,
        typer.Argument(help="access, portability, rectification, erasure, restriction, objection or explanation."),
    ],
    customer: Annotated[str, typer.Option("--customer", help="Customer id of the person, such as c_5kq…")],
    law: Annotated[str, typer.Option("--law", help="Country whose law governs the request, such as KR or DE.")] = "KR",
    channel: Annotated[
        str, typer.Option("--channel", help="How it arrived: cli, http, portal, phone, letter or counter.")
    ] = "cli",
    received: Annotated[
        datetime | None,
        typer.Option("--received", help="Local time of arrival; the deadline counts from its day.", show_default="now"),
    ] = None,
    requester: Annotated[str, typer.Option("--by", help="Who asks: self, guardian or agent.")] = "self",
    mandate: Annotated[
        Path | None,
        typer.Option("--mandate", help="With --by guardian or agent: its document; only its SHA-256 is kept."),
    ] = None,
    purposes: Annotated[
        list[str] | None, typer.Option("--purpose", help="For an objection: a purpose; repeatable, default all.")
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option("--corrections", help='For a rectification: JSON file [{"source": …, "column": …, "value": …}].'),
    ] = None,
    decision: Annotated[
        str | None, typer.Option("--decision", help="For an explanation: name of the decision.")
    ] = None,
    anonymise: Annotated[
        bool, typer.Option("--anonymise", help="For an erasure: keep rows without any identifier.")
    ] = False,
    language: Annotated[str, typer.Option("--language", help="Language of the answer: ko or en.")] = "ko",
    who: Who = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Take a request. Prints its number and the last day for the answer.

    A request that is open already and asks the same is shown instead. Nothing is disclosed or changed before the
    requester's identity is verified (`bojagi rights identify`) and the request is approved.

    [bold]Examples[/bold]

      bojagi rights submit erasure --customer c_5kq...
      bojagi rights submit access --customer c_5kq... --law DE --channel letter --received "2026-03-02 09:00"
      bojagi rights submit erasure --customer c_5kq... --by guardian --mandate family_register.pdf
      bojagi rights submit objection --customer c_5kq... --purpose marketing
    """
    from privacy.rights.errors import InvalidSubmissionError
    from privacy.rights.request import new_submission

    with _opened(data) as (installation, service):
        fields: dict[str, Any] = {
            "right": right, "customer_id": customer, "jurisdiction": law, "channel": channel, "requester": requester,
            "mandate_evidence": _digest(mandate), "language": language, "purposes": tuple(purposes or ()),
            "form": "anonymise" if anonymise else "delete", "decision": decision,
        }  # fmt: skip
        if received is not None:
            fields["received_at"] = _with_zone(received, installation)
        if corrections is not None:
            try:
                fields["corrections"] = json.loads(corrections.read_text("utf-8"))
            except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
                raise InvalidSubmissionError(f"{corrections}: cannot be read as JSON. Correct the file.") from error
        submitted = service.submit(new_submission(fields), officer(who))
        shown = describe(service, submitted.request)
    if as_json:
        typer.echo(json.dumps({**shown, "is_duplicate": submitted.is_duplicate}, ensure_ascii=False))
        return
    if submitted.is_duplicate:
        typer.echo("The same request is open already.", err=True)
    typer.echo(submitted.request.id)
    typer.echo(f"Last day for the answer: {shown['due_on']} ({shown['business_days_left']} business days).", err=True)


@app.command("list")
def list_requests(
    every: Annotated[bool, typer.Option("--all", help="Show requests that have ended, too.")] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """List the open requests, those with the nearest last day first."""
    from pipelines.cli.grid import make_grid, open_console
    from privacy.rights.request import State

    with _opened(data) as (_, service):
        states = list(State) if every else [state for state in State if state.is_open]
        found = [describe(service, request) for request in service.requests(states)]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    if not found:
        typer.echo("No request is open." if not every else "There are no requests.")
        return
    grid = make_grid(
        "request", "right", "state", "law", "last day", "days left", "kept open by", numbers=("days left",)
    )
    for one in found:
        left = "" if one["completed_at"] else str(one["business_days_left"])
        blocked = ", ".join(dict.fromkeys(failure["store"] for failure in one["failures"]))
        mark = {"overdue": " overdue", "due_soon": " soon"}.get(one["urgency"], "") if left else ""
        grid.add_row(
            one["id"], one["right"], one["state"], one["jurisdiction"], f"{one['due_on']}{mark}", left, blocked
        )
    open_console().print(grid)


@app.command()
def show(request_id: RequestId, as_json: Json = False, data: Data = None) -> None:
    """Show a request with its history, what keeps it open, and legal holds."""
    from pipelines.cli.grid import make_grid, open_console

    with _opened(data) as (installation, service):
        view = service.show(request_id)
        shown = describe(service, view.request)
        refusal = service.refusal_text(view.request, "en") if view.request.refusal else None
        certificate = installation.settings.data_dir / "rights" / "certificate" / f"{request_id}.json"
        for kind in (".json", ".pdf"):
            installation.shared_files.fetch(certificate.with_suffix(kind))
    shown |= {
        "events": [event.model_dump(mode="json") for event in view.events],
        "holds": [hold.model_dump(mode="json") for hold in view.holds],
        "earlier_requests_in_a_year": view.repetitions,
        "certificate_file": str(certificate) if view.request.certificate and certificate.exists() else None,
        "refusal_text": refusal,
    }
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    for name in ("id", "right", "state", "jurisdiction", "requester", "received_at", "due_on", "certificate_file",
                 "refusal_text"):  # fmt: skip
        if shown[name]:
            typer.echo(f"{name.replace('_', ' '):<18} {shown[name]}")
    typer.echo(f"{'same right, 1 year':<18} {view.repetitions} earlier requests")
    for hold in view.holds:
        typer.echo(f"{'legal hold':<18} {hold.id}: {hold.ground}")
    for failure in view.request.failures:
        typer.echo(f"{'kept open by':<18} {failure.store}: {failure.reason}")
    grid = make_grid("time", "event", "by", "details")
    for event in view.events:
        details = ", ".join(
            f"{name} {value}" for name, value in event.details.items() if value not in (None, [], {}, "")
        )
        grid.add_row(f"{event.at:%Y-%m-%d %H:%M}", str(event.kind), event.by.who, details[:160])
    open_console().print(grid)


@app.command()
def identify(
    request_id: RequestId,
    method: Annotated[str, typer.Option("--method", help="How it was verified, such as passport_seen.")],
    mandate: Annotated[
        bool, typer.Option("--mandate", help="The mandate of the guardian or agent was verified, not the identity.")
    ] = False,
    evidence: Evidence = None,
    who: Who = None,
    data: Data = None,
) -> None:
    """Record that the requester's identity, or with --mandate the mandate, was verified."""
    with _opened(data) as (_, service):
        of = "mandate" if mandate else "identity"
        _tell(service.verify_identity(request_id, method, officer(who), of=of, evidence=_digest(evidence)))


@app.command()
def approve(request_id: RequestId, who: Who = None, data: Data = None) -> None:
    """Approve a request. An erasure, restriction or objection stops every use of the data at once."""
    with _opened(data) as (_, service):
        _tell(service.approve(request_id, officer(who)))


@app.command()
def refuse(
    request_id: RequestId,
    ground: Annotated[str, typer.Option("--ground", help="Legal ground; a wrong one lists those of the law.")],
    reason: Annotated[str, typer.Option("--reason", help="Explanation for the person.")] = "",
    who: Who = None,
    data: Data = None,
) -> None:
    """Refuse a request on a legal ground of its law. Prints what the person is to be told."""
    with _opened(data) as (_, service):
        refused = service.refuse(request_id, ground, officer(who), reason)
        _tell(refused)
        typer.echo(service.refusal_text(refused, refused.language))


@app.command()
def extend(
    request_id: RequestId,
    reason: Annotated[str, typer.Option("--reason", help="Why; the person is told.")],
    until: Annotated[
        datetime | None,
        typer.Option("--until", formats=["%Y-%m-%d"], help="Last day, where the law sets no length of an extension."),
    ] = None,
    who: Who = None,
    data: Data = None,
) -> None:
    """Extend the deadline as far as the law allows it. Prints the new last day."""
    with _opened(data) as (_, service):
        day = None if until is None else until.date()
        typer.echo(service.extend(request_id, reason, officer(who), day).due_on.isoformat())


@app.command()
def withdraw(request_id: RequestId, who: Who = None, data: Data = None) -> None:
    """End a request that the person no longer wants. What its approval stopped is allowed again."""
    with _opened(data) as (_, service):
        _tell(service.withdraw(request_id, officer(who)))


@app.command()
def execute(
    request_ids: Annotated[list[str] | None, typer.Argument(help="Numbers of requests; default: all approved.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Execute approved requests: erase, answer or correct in every store, verify, and sign certificates.

    Many erasures share one rewrite of each table. A request that a store keeps open is shown with the reason, and the
    exit code is 5; run the command again when the cause is removed. A killed execution is continued by the next one.
    """
    from installation.lakehouse_claim import lakehouse_lease
    from pipelines.ingest.lock import run_lock
    from pipelines.orchestration.rights_registry import carry_out_requests

    with _opened(data) as (installation, service):
        for request_id in request_ids or ():
            service.request(request_id)
        with run_lock(installation.settings.data_dir), lakehouse_lease(installation):
            done = carry_out_requests(installation, request_ids or None)
        shown = [describe(service, request) for request in done]
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
    for request in done:
        if not as_json:
            _tell(request)
        for failure in request.failures:
            print_error(f"{request.id} stays open: {failure.store}: {failure.reason}")
    if not done and not as_json:
        typer.echo("No approved request waits.")
    if any(request.failures for request in done):
        raise typer.Exit(ExitCode.FAILED)


@app.command()
def answer(
    request_id: RequestId,
    output: Annotated[Path, typer.Option("--output", help="New file for the answer, a ZIP archive.")],
    who: Who = None,
    data: Data = None,
) -> None:
    """Write the answer of a completed request to a private file, to hand it to the person. The disclosure is logged."""
    from privacy.storage.atomic_file import private_draft

    # Before the disclosure is logged.
    if output.exists() or not output.absolute().parent.is_dir():
        raise typer.BadParameter(f"{output}: expected a new file in a folder that exists.", param_hint="--output")
    with _opened(data) as (_, service):
        content = service.answer(request_id, officer(who))
    with private_draft(output) as draft:
        draft.write_bytes(content)
    typer.echo(str(output))


@app.command()
def verify(
    certificate: Annotated[Path, typer.Argument(help="Certificate, .json or .pdf.", exists=True, dir_okay=False)],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", help="Public key (PEM) that the controller publishes.", show_default="this installation's"
        ),
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Verify a certificate offline: its form, key and signature, and the PDF of the same name, if there is one.

    The key decides whom you trust: take it from the controller's publication, not from the sender of the certificate.
    In the installation that issued it, the certificate is also compared with the history of requests.

    [bold]Examples[/bold]

      bojagi rights verify q_1f0c....json --key certificate_key.pem
    """
    from pipelines.rights.verification import verify_file

    with installation_for(data) as installation:
        found = verify_file(certificate, key, installation)
    statement = found.signed.statement
    if as_json:
        typer.echo(json.dumps(statement.model_dump(mode="json"), ensure_ascii=False))
        return
    typer.echo(
        f"valid: {statement.right} for {statement.subject}, completed {statement.completed_at:%Y-%m-%d %H:%M %Z} by "
        f"{statement.controller}"
    )
    for store in statement.stores:
        counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in store.counts.items())
        typer.echo(f"  {store.store}: {store.outcome.replace('_', ' ')}; {len(store.checked)} parts checked; {counts}")
        for kept in store.retained:
            typer.echo(f"    kept by law: {kept.part}, {kept.rows} rows until {kept.until} ({kept.article})")
        for sentence in store.remaining:
            typer.echo(f"    {sentence}")


app.command("scan")(rights_scan.scan)
app.command("hold")(rights_hold.hold)
app.command("release")(rights_hold.release)
app.command("holds")(rights_hold.holds)


def describe(service: RightsService, request: Request) -> dict[str, Any]:
    """Return a request with its deadline as JSON values."""
    deadline = service.deadline(request)
    extra = {"business_days_left": deadline.business_days_left, "urgency": str(deadline.urgency)}
    return {**request.model_dump(mode="json"), **extra}


@contextmanager
def _opened(data: Path | None) -> Iterator[tuple[Installation, RightsService]]:
    with installation_for(data) as installation:
        yield installation, installation.rights_service()


def _tell(request: Request) -> None:
    typer.echo(f"{request.id} {request.right} {request.state}")


def _digest(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}.") from error


def _with_zone(moment: datetime, installation: Installation) -> datetime:
    from zoneinfo import ZoneInfo

    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(installation.settings.time_zone))
