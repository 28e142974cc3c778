"""`bojagi identity link|separate|revert|decisions|events`: what a steward decides about customers of the lakehouse.

A person is named by customer id (`c_…`), or by a number: `member_no:M000000001`, `crm_customer:M000000001`,
`email:…`. The number is made into its token at once; neither it nor anything else in clear is stored.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from installation.installation import Installation
    from pipelines.matching.explain import Explanation
    from pipelines.register.decision import Decision
    from pipelines.steward.steward_desk import StewardDesk

desk = typer.Typer()
First = Annotated[str, typer.Argument(help="Customer id, or kind:value such as member_no:M000000001.")]
Second = Annotated[str, typer.Argument(help="Another one.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, without personal data.")]
_NEXT = "It takes effect with the next `bojagi run`."


@desk.command("link")
def link(first: First, second: Second, reason: Reason, data: Data = None) -> None:
    """Decide that two are one person, over every rerun."""
    _decide("same", first, second, reason, installation_for(data))


@desk.command("separate")
def separate(first: First, second: Second, reason: Reason, data: Data = None) -> None:
    """Decide that two are not one person, over every rerun."""
    _decide("different", first, second, reason, installation_for(data))


@desk.command("revert")
def revert(
    event: Annotated[str, typer.Argument(help="Event id, see `bojagi identity events`.")],
    reason: Reason,
    data: Data = None,
) -> None:
    """Undo a merge, split or move: its records go back to the identifier that they had."""
    made = _desk(installation_for(data)).revert(event, reason)
    typer.echo(f"Recorded {', '.join(decision.decision_id for decision in made)}. {_NEXT}")


@desk.command("decisions")
def decisions(data: Data = None, as_json: Json = False) -> None:
    """List what stewards decided, the earliest first."""
    rows = [_told(decision) for decision in _desk(installation_for(data)).decisions()]
    _print(rows, as_json, "No decisions.")


@desk.command("events")
def events(data: Data = None, as_json: Json = False) -> None:
    """List merges, splits and moves, the earliest first."""
    frame = _desk(installation_for(data)).events()
    frame["occurred_at"] = frame["occurred_at"].astype(str)
    _print(frame.astype(object).where(frame.notna(), None).to_dict("records"), as_json, "No events.")


def explain_customers(installation: Installation, first: str, second: str) -> tuple[Explanation, bool]:
    """Explain two people of the lakehouse with the kept model, in memory; and tell whether they are one customer."""
    from pipelines.register.person_record import kept_sketches, read_person_records
    from pipelines.register.person_register import PURPOSE
    from pipelines.register.sketch_book import SketchBook, SketchKeys
    from pipelines.steward.person_explain import explain_persons

    at = _desk(installation)
    named = at.find(first), at.find(second)
    book = SketchBook(SketchKeys.of(installation.tokenizer), kept_sketches(at.lakehouse))
    reveal = installation.revealer(f"bojagi identity explain by {at.steward}", PURPOSE)
    persons = read_person_records(at.lakehouse, installation.contracts, reveal, book)
    found = explain_persons(at.lakehouse, persons, named[0].keys, named[1].keys)
    return found, named[0].customer_id == named[1].customer_id


def _decide(verdict: Any, first: str, second: str, reason: str, installation: Installation) -> None:
    decision = _desk(installation).decide(verdict, first, second, reason)
    typer.echo(f"Recorded {decision.decision_id}. {_NEXT}")


def _desk(installation: Installation) -> StewardDesk:
    from pipelines.ingest.load import in_utc
    from pipelines.steward.steward_desk import StewardDesk

    token, user = installation.tokenizer.token, getpass.getuser()
    return StewardDesk(
        installation.lakehouse, installation.contracts, token, lambda: in_utc(installation.clock()), user
    )


def _told(decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.decision_id,
        "decided_at": str(decision.decided_at),
        "verdict": decision.verdict,
        "left_customer_id": decision.left_customer_id,
        "right_customer_id": decision.right_customer_id,
        "reason": decision.reason,
        "decided_by": decision.decided_by,
        "event_id": decision.event_id,
    }


def _print(rows: Sequence[Mapping[Any, Any]], as_json: bool, nothing: str) -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    elif not rows:
        typer.echo(nothing)
    for row in () if as_json else rows:
        typer.echo("  ".join(str(value) for value in row.values() if value is not None))
