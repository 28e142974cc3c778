"""Commands `bojagi consent unread` and `resolve`: the officer's list of statements that could not be read."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation

Who = Annotated[str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")]
ROLE, PURPOSE, TABLE = "privacy", "legal_records", "consent/record"


class Outcome(StrEnum):
    """What an unread statement turned out to be."""

    WITHDRAWN = "withdrawn"
    GIVEN = "given"
    NOTHING = "nothing"


def unread(who: Who = None, as_json: Json = False, data: Data = None) -> None:
    """List the statements that could not be read, by person and age. Each denies consents until it is resolved.

    Persons are shown by customer id, or by the token of a source person that is no customer yet. Statements to another
    controller are listed below; they decide nothing here.

    [bold]Examples[/bold]

      bojagi consent unread
      bojagi consent unread --json | jq '.items[].item'
    """
    from pipelines.cli.grid import make_grid, open_console
    from privacy.consent.unread import other_controllers, persons, unread_items

    with installation_for(data) as installation:
        service = installation.consent_service()
        items, others = unread_items(service), other_controllers(service)
        _log(installation, who, "list unread consents", persons(items), None)
    if as_json:
        document = {"items": [asdict(item) for item in items], "other_controllers": [asdict(each) for each in others]}
        typer.echo(json.dumps(document, default=str, ensure_ascii=False))
        return
    console = open_console()
    if items:
        grid = make_grid("person", "days", "denied", "item", "reason", numbers=("days",))
        for item in items:
            about = "all consents" if item.purpose == "*" else item.purpose
            grid.add_row(item.person, str(item.days), about, item.item, item.reason)
        console.print(grid)
    typer.echo(f"{len(items)} unread statements of {persons(items)} persons: `bojagi consent resolve ITEM` closes one.")
    for other in others:
        close = ", probably the same: correct the name at its source" if other.is_probably_ours else ""
        typer.echo(
            f"{other.statements:,} statements of {other.persons:,} persons name the controller {other.controller!r}, "
            f"not {installation.settings.controller!r}{close}."
        )


def resolve(
    item: Annotated[str, typer.Argument(help="Identifier of the statement; `bojagi consent unread` lists them.")],
    outcome: Annotated[Outcome, typer.Option("--as", help="What the person had said.")],
    note: Annotated[str, typer.Option("--note", help="How it was found out, without personal data.")],
    purpose: Annotated[
        str | None, typer.Option("--purpose", help="The only purpose concerned.", show_default="the item's")
    ] = None,
    notice: Annotated[str | None, typer.Option("--notice", help="With --as given: version of the notice.")] = None,
    age: Annotated[int | None, typer.Option("--age", help="With --as given: age in full years.")] = None,
    who: Who = None,
    data: Data = None,
) -> None:
    """Record what an unread statement meant. It then denies no longer; a withdrawal is recorded in its place.

    [bold]Examples[/bold]

      bojagi consent resolve q_5c1e... --as withdrawn --note "called back: unsubscribed from everything"
      bojagi consent resolve q_5c1e... --as given --purpose analytics --notice 2017.1 --age 34 --note "paper form"
      bojagi consent resolve q_5c1e... --as nothing --note "test row of the till"
    """
    from privacy.consent.service import Terms
    from privacy.consent.unread import resolve as record_outcome

    terms = Terms(notice, age_years=age) if notice else None
    with installation_for(data) as installation:
        service, name = installation.consent_service(), who or getuser()
        # Logged first, so that no item is closed without an entry.
        _log(installation, name, "resolve unread consent", 1, f"{item} as {outcome}"[:500])
        records = record_outcome(service, item, outcome.value, note, name, purpose, terms)
    for record in records:
        typer.echo(record.record_id)


def _log(installation: Installation, who: str | None, action: str, subjects: int, reason: str | None) -> None:
    from privacy.audit import AuditEntry
    from privacy.clock import utc_now

    entry = AuditEntry(
        at=utc_now(), who=who or getuser(), role=ROLE, purpose=PURPOSE, action=action, table=TABLE,
        subjects=subjects, reason=reason,
    )  # fmt: skip
    installation.audit_log.append(entry)
