"""Commands `bojagi identity link`, `separate`, `revert`, `decisions` and `events`: a steward's decisions on customers.

A person is named by a customer id (`c_…`) or by a value: `member_no:M000000001`, `crm_customer:M000000001`, `email:…`.
Only the token of the value is stored.
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
    from pipelines.matching.pair_report import PairReport
    from pipelines.register.decision import Decision
    from pipelines.steward.steward_service import StewardService

steward_app = typer.Typer()
First = Annotated[str, typer.Argument(help="Customer id, or kind:value such as member_no:M000000001.")]
Second = Annotated[str, typer.Argument(help="The other customer, in the same form.")]
Reason = Annotated[str, typer.Option("--reason", help="Reason of the decision, without personal data.")]
_NEXT = "The next `bojagi run` applies the decision."


@steward_app.command("link")
def link(first: First, second: Second, reason: Reason, data: Data = None) -> None:
    """Decide that two customers are the same person. All later runs keep them together."""
    _decide("same", first, second, reason, installation_for(data))


@steward_app.command("separate")
def separate(first: First, second: Second, reason: Reason, data: Data = None) -> None:
    """Decide that two customers are different people. All later runs keep them apart."""
    _decide("different", first, second, reason, installation_for(data))


@steward_app.command("revert")
def revert(
    event: Annotated[str, typer.Argument(help="Event id; `bojagi identity events` lists all events.")],
    reason: Reason,
    data: Data = None,
) -> None:
    """Undo a merge, split or move: its records get back the customer id that they had before."""
    made = _writing_service(installation_for(data)).revert(event, reason)
    typer.echo(f"Recorded decision {', '.join(decision.decision_id for decision in made)}. {_NEXT}")


@steward_app.command("decisions")
def decisions(data: Data = None, as_json: Json = False) -> None:
    """List all decisions of stewards, the earliest first."""
    rows = [_decision_row(decision) for decision in _steward_service(installation_for(data)).decisions()]
    _print(rows, as_json, "No decisions yet. Make one with `bojagi identity link` or `bojagi identity separate`.")


@steward_app.command("events")
def events(data: Data = None, as_json: Json = False) -> None:
    """List all merges, splits and moves of customers, the earliest first."""
    frame = _steward_service(installation_for(data)).events()
    frame["occurred_at"] = frame["occurred_at"].astype(str)
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    _print(rows, as_json, "No events yet: no run has merged, split or moved customers.")


def explain_customers(installation: Installation, named: tuple[str, str], role: str) -> PairReport:
    """Report on two customers of the lakehouse, with the values that the role may see.

    The stored model scores their register entries, which are decrypted in memory. The access is written to the audit
    log, and so is each entry whose values are shown.
    """
    from pipelines.register.register_contract import PURPOSE, shown_columns
    from pipelines.register.register_entry import read_register_entries, stored_sketches
    from pipelines.register.sketch_book import SketchBook, SketchKeys
    from pipelines.steward.customer_explanation import Person, explain_persons
    from pipelines.steward.shown_value import ShownValues

    service = _steward_service(installation)
    first, second = (Person(p.keys, p.customer_id, service.keys_of(p.customer_id)) for p in map(service.find, named))
    book = SketchBook(SketchKeys.of(installation.tokenizer), stored_sketches(service.lakehouse))
    reveal = installation.revealer(f"bojagi identity explain by {service.steward}", PURPOSE)
    persons = read_register_entries(service.lakehouse, installation.contracts, reveal, book)
    shown = ShownValues(installation, role, service.steward)
    names = shown_columns(installation.contracts)
    return explain_persons(service.lakehouse, persons, first, second, shown, names, service.decisions())


def _decide(verdict: Any, first: str, second: str, reason: str, installation: Installation) -> None:
    decision = _writing_service(installation).decide(verdict, first, second, reason)
    typer.echo(f"Recorded decision {decision.decision_id}. {_NEXT}")


def _writing_service(installation: Installation) -> StewardService:
    from pipelines.steward.opening import deciding_service

    return deciding_service(installation, getpass.getuser())


def _steward_service(installation: Installation) -> StewardService:
    from pipelines.steward.opening import steward_service

    return steward_service(installation, getpass.getuser())


def _decision_row(decision: Decision) -> dict[str, Any]:
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
