"""`bojagi consent`: record what a person says, show what is permitted, hand out receipts, import records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from privacy.consent.record import ConsentRecord
    from privacy.consent.state import State
    from privacy.consent.store import ConsentStore

Customer = Annotated[str, typer.Argument(help="Customer or source person, by its opaque identifier.")]
PurposeName = Annotated[str, typer.Argument(help="Purpose of the taxonomy, such as marketing.")]
AnyPurpose = Annotated[str, typer.Argument(help="Purpose of the taxonomy, or * for all.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Controller = Annotated[str, typer.Option("--controller", help="Who is responsible for the processing.")]
At = Annotated[datetime | None, typer.Option("--at", help="Local wall time.", show_default="now")]
Notice = Annotated[str, typer.Option("--notice", help="Version of the notice that was shown.")]
Language = Annotated[str, typer.Option("--language", help="Language of the notice.")]
Jurisdiction = Annotated[str, typer.Option("--jurisdiction", help="Country whose law governs.")]
Method = Annotated[str, typer.Option("--method", help="How it was expressed.")]
Evidence = Annotated[
    Path | None,
    typer.Option("--evidence", help="The stored form or recording; its SHA-256 is kept.", exists=True, dir_okay=False),
]
Zone = Annotated[str, typer.Option("--time-zone", help="Zone of the shop's wall time.")]
_CONTROLLER, _ZONE = "Bojagi Mart", "Asia/Seoul"

app = typer.Typer(help="Record consents and withdrawals, and show what they permit.", no_args_is_help=True)


@app.command()
def grant(
    customer: Customer, purpose: PurposeName, notice: Notice, age: Annotated[
        int | None, typer.Option("--age", help="Age in full years; unknown counts as under fourteen in Korea.")
    ] = None,
    guardian: Annotated[bool, typer.Option("--guardian", help="The legal guardian says it.")] = False,
    categories: Annotated[list[str] | None, typer.Option("--category", help="W3C DPV term; repeat.")] = None,
    recipients: Annotated[list[str] | None, typer.Option("--recipient", help="Recipient named; repeat.")] = None,
    until: Annotated[datetime | None, typer.Option("--until", help="Until when it holds.")] = None,
    language: Language = "ko", jurisdiction: Jurisdiction = "KR", method: Method = "call_center",
    evidence: Evidence = None, at: At = None, controller: Controller = _CONTROLLER, zone: Zone = _ZONE,
) -> None:  # fmt: skip
    """Record that a person consents; renews a consent that is there."""
    fields = {
        "purpose": purpose, "notice_version": notice, "notice_language": language, "jurisdiction": jurisdiction,
        "method": method, "age_years": age, "expressed_by": "guardian" if guardian else "self",
        "data_categories": tuple(categories or ()), "recipients": tuple(recipients or ()), "expires_at": until,
    }  # fmt: skip
    with _opened() as store:
        before = _latest(store, customer, purpose, controller)
        is_renewal = before is not None and before.state in {"given", "renewed"}
        _append(store, customer, "renewed" if is_renewal else "given", at, zone, controller, evidence, fields, before)


@app.command()
def withdraw(
    customer: Customer, purpose: PurposeName, method: Method = "call_center", evidence: Evidence = None,
    at: At = None, controller: Controller = _CONTROLLER, zone: Zone = _ZONE,
) -> None:  # fmt: skip
    """Record that a person withdraws a consent. It counts from the next question on."""
    with _opened() as store:
        before = _latest(store, customer, purpose, controller)
        if before is None:
            typer.echo(f"There is no record of a consent to {purpose}; nothing was permitted.", err=True)
            raise typer.Exit(1)
        _append(
            store, customer, "withdrawn", at, zone, controller, evidence, _again(before) | {"method": method}, before
        )


@app.command("object")
def object_to(
    customer: Customer, purpose: AnyPurpose,
    lift: Annotated[bool, typer.Option("--lift", help="Take it back.")] = False,
    restrict: Annotated[bool, typer.Option("--restrict", help="Restrict the processing instead.")] = False,
    method: Method = "call_center", evidence: Evidence = None, at: At = None, controller: Controller = _CONTROLLER,
    zone: Zone = _ZONE, jurisdiction: Jurisdiction = "KR",
) -> None:  # fmt: skip
    """Record an objection to a purpose, or a restriction; either overrides consent."""
    states = {(0, 0): "objected", (0, 1): "objection_lifted", (1, 0): "restricted", (1, 1): "restriction_lifted"}
    state = states[restrict, lift]
    fields = {
        "purpose": purpose, "notice_version": "none", "notice_language": "ko", "jurisdiction": jurisdiction,
        "method": method,
    }  # fmt: skip
    with _opened() as store:
        _append(store, customer, state, at, zone, controller, evidence, fields, None)


@app.command()
def show(
    customer: Customer, at: At = None, as_json: Json = False, controller: Controller = _CONTROLLER, zone: Zone = _ZONE
) -> None:
    """Show which purposes are permitted for a customer at a moment. Exit code 0 either way."""
    from privacy.consent.index import DecisionIndex
    from privacy.consent.policy import built_in_policy
    from privacy.consent.timeline import build_timeline

    policy, moment = built_in_policy(), at or _now(zone)
    with _opened() as store:
        subjects = store.subjects_of(customer)
        tables = store.record_table(subjects), store.membership_table(subjects)
    index = DecisionIndex(build_timeline(*tables, policy, controller), policy)
    verdicts = {purpose: index.is_permitted(customer, purpose, moment) for purpose in policy.purposes}
    if as_json:
        typer.echo(json.dumps({"at": moment.isoformat(), "permitted": verdicts}))
        return
    for purpose, permitted in verdicts.items():
        basis = policy.taxonomy[purpose].basis.replace("_", " ")
        typer.echo(f"{'permitted' if permitted else 'refused  '}  {purpose}  ({basis})")


@app.command()
def history(customer: Customer, as_json: Json = False) -> None:
    """Show every record of a customer's source persons, in the order of recording."""
    with _opened() as store:
        records = store.records_of(store.subjects_of(customer))
    for record in records:
        told = f"{record.effective_at.isoformat(sep=' ')}  {record.state:18}  {record.purpose}  {record.record_id}"
        typer.echo(record.model_dump_json() if as_json else told)


@app.command()
def receipt(record_id: Annotated[str, typer.Argument(help="Identifier of the record; `history` lists them.")]) -> None:
    """Print the receipt of a record: JSON-LD in the W3C Data Privacy Vocabulary."""
    from privacy.consent.policy import built_in_policy
    from privacy.consent.receipt import write_receipt

    with _opened() as store:
        record = store.record(record_id)
    if record is None:
        typer.echo("There is no record of that identifier; `bojagi consent history` lists them.", err=True)
        raise typer.Exit(1)
    typer.echo(json.dumps(write_receipt(record, built_in_policy().taxonomy), ensure_ascii=False, indent=1))


@app.command("import")
def import_records(
    file: Annotated[Path, typer.Argument(help="JSON lines, one record each.", exists=True, dir_okay=False)],
    landed: Annotated[
        bool, typer.Option("--landed", help="The lines are of the source consent_event, members in clear.")
    ] = False,
) -> None:
    """Import records: `history --json` of another store, or a landed file. What is there already is left out."""
    with _opened() as store:
        read = list(_read(file, landed))
        new = {record.record_id: record for record in read if not store.has(record.record_id)}
        store.append(new.values())
    typer.echo(f"{len(new)} records imported, {len(read) - len(new)} known already")


def _read(file: Path, landed: bool) -> Iterator[ConsentRecord]:
    from pipelines.config import load_settings
    from privacy.consent.errors import ConsentError
    from privacy.consent.imported import read_exported, read_landed
    from privacy.protection.token import load_tokenizer

    settings = load_settings()
    token = load_tokenizer(settings.token_key_file, settings.phone_region).token if landed else None
    with file.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            place = f"{file.name}:{number}"
            try:
                row: dict[str, Any] = json.loads(line)
            except ValueError as error:
                raise ConsentError(f"{place}: no JSON; expected one record a line.") from error
            if token is None:
                yield read_exported(row, place)
            else:
                yield read_landed(row, partial(token, "member_no"), lambda _, __: None, place)


@contextmanager
def _opened() -> Iterator[ConsentStore]:
    """The store; an error of the engine ends the command with one line."""
    from pydantic import ValidationError

    from pipelines.config import load_settings
    from pipelines.privacy_store import open_consent_store
    from privacy.errors import PrivacyError

    try:
        store = open_consent_store(load_settings())
        try:
            yield store
        finally:
            store.close()
    except PrivacyError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from error
    except ValidationError as error:
        for fault in error.errors():
            typer.echo(f"{'.'.join(map(str, fault['loc'])) or 'record'}: {fault['msg']}", err=True)
        raise typer.Exit(1) from error


def _latest(store: ConsentStore, customer: str, purpose: str, controller: str) -> ConsentRecord | None:
    """The newest consent record of exactly this source person; of others only the merge decides."""
    held = [
        record
        for record in store.records_of([customer])
        if record.purpose == purpose and record.controller == controller and record.state.stream == "consent"
    ]
    return max(held, key=lambda record: (record.effective_at, record.recorded_at), default=None)


def _again(before: ConsentRecord) -> dict[str, Any]:
    kept = (
        "purpose",
        "notice_version",
        "notice_language",
        "jurisdiction",
        "data_categories",
        "recipients",
        "age_years",
    )
    return {name: getattr(before, name) for name in kept}


def _append(
    store: ConsentStore, customer: str, state: State | str, at: datetime | None, zone: str, controller: str,
    evidence: Path | None, fields: dict[str, Any], before: ConsentRecord | None,
) -> None:  # fmt: skip
    from privacy.consent.record import ConsentRecord, new_record_id

    now = _now(zone)
    proof = evidence.read_bytes() if evidence else f"{customer}|{fields['purpose']}|{state}|{now.isoformat()}".encode()
    record = ConsentRecord.model_validate(
        {
            "record_id": new_record_id(), "subject_id": customer, "controller": controller, "state": state,
            "effective_at": at or now, "recorded_at": now, "evidence_hash": sha256(proof).hexdigest(),
            "supersedes": before.record_id if before else None, **fields,
        }
    )  # fmt: skip
    store.append([record])
    typer.echo(record.record_id)


def _now(zone: str) -> datetime:
    return datetime.now(ZoneInfo(zone)).replace(tzinfo=None)
