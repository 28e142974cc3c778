"""Commands `bojagi federated intersect`: find the customers that a partner has too, and reveal nothing else."""

from __future__ import annotations

import json
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for
from pipelines.errors import PartnerMatchError

if TYPE_CHECKING:
    from installation.installation import Installation
    from pipelines.federated.partner_match import PartnerMatch

app = typer.Typer(
    cls=ErrorBoundary,
    help="Find the customers that a partner has too; of the others, only their number is revealed.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the match; both parties use the same one.")]
Customers = Annotated[
    Path,
    typer.Option(
        "--customers",
        help="CSV or Parquet with two columns: the customer id, and the identifier that the partner knows as well.",
        exists=True,
        dir_okay=False,
    ),
]


@app.command()
def offer(
    name: Name,
    customers: Customers,
    purpose: Annotated[str, typer.Option("--purpose", help="The customers' consent to this purpose is needed.")],
    partner_most: Annotated[
        int, typer.Option("--partner-most", min=1, help="The most identifiers that the partner may bring.")
    ],
    out: Annotated[Path, typer.Option("--out", help="File for the partner.")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    r"""Write the offer: the identifiers of customers who permit PURPOSE, hidden by a secret number.

    Both parties write identifiers in the same form, such as telephone numbers with country code. A customer in both
    sets is disclosed to the partner, so the consent must cover that.

    [bold]The three steps, at both parties[/bold]

      bojagi federated intersect offer spring-26 --customers ours.csv --purpose marketing --partner-most 100000 \
        --out our.offer
      bojagi federated intersect answer spring-26 --offer their.offer --out our.answer
      bojagi federated intersect match spring-26 --customers ours.csv --offer our.offer --answer our.answer \
        --partner-answer their.answer --out common.csv
    """
    from privacy.storage.atomic_file import replace_public

    with installation_for(data) as installation:
        made = _match(installation, name).offer(_identifiers(customers), purpose, partner_most)
        replace_public(out, made.points)
    if as_json:
        typer.echo(json.dumps({"customers": made.customers, "without_consent": made.without_consent}))
        return
    typer.echo(f"{out}: {made.customers} customers; {made.without_consent} without consent to {purpose} were left out")
    typer.echo(f"Next: send it to the partner, and bojagi federated intersect answer {name}")


@app.command()
def answer(
    name: Name,
    offer: Annotated[Path, typer.Option("--offer", help="The partner's offer.")],
    out: Annotated[Path, typer.Option("--out", help="File for the partner; keep a copy for the last step.")],
    data: Data = None,
) -> None:
    """Answer the partner's offer. This is possible once in each match."""
    from privacy.storage.atomic_file import replace_public

    with installation_for(data) as installation:
        replace_public(out, _match(installation, name).answer(_content(offer)))
    typer.echo(f"{out}: send it to the partner. Next: bojagi federated intersect match {name}")


@app.command()
def match(
    name: Name,
    customers: Customers,
    offer: Annotated[Path, typer.Option("--offer", help="The offer that was sent.")],
    answer: Annotated[Path, typer.Option("--answer", help="The answer that was sent.")],
    partner_answer: Annotated[Path, typer.Option("--partner-answer", help="The partner's answer.")],
    out: Annotated[Path, typer.Option("--out", help="CSV file for the ids of the common customers, private to you.")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write the customers that both parties have. Customers who withdrew since the offer are left out.

    The secret number is deleted afterwards, so that the exchanged files can be opened by nobody.
    """
    from privacy.storage.atomic_file import replace_private

    with installation_for(data) as installation:
        matching = _match(installation, name)
        messages = (_content(path) for path in (offer, answer, partner_answer))
        found = matching.match(_identifiers(customers), *messages)
        replace_private(out, "\n".join(["customer_id", *found]) + "\n")
        matching.finish()
    typer.echo(json.dumps({"customers": len(found)}) if as_json else f"{out}: {len(found)} common customers")


def _match(installation: Installation, name: str) -> PartnerMatch:
    try:
        from pipelines.federated.partner_match import PartnerMatch
    except ModuleNotFoundError as error:
        if error.name != "rbcl":
            raise
        raise PartnerMatchError(
            "Matching needs the extra `federated`; install it: pip install 'bojagi[federated]'"
        ) from None
    return PartnerMatch(installation, getuser(), name)


def _identifiers(path: Path) -> dict[str, str]:
    """Return the identifier of each customer id in the file."""
    from pipelines.cli.table_file import read_table

    rows = read_table(path).dropna()
    if len(rows.columns) != 2:
        raise PartnerMatchError(f"{path.name} has {len(rows.columns)} columns; expected 2: customer id, identifier")
    if rows.iloc[:, 0].duplicated().any():
        raise PartnerMatchError(f"{path.name} has a customer twice; expected one identifier a customer")
    return dict(zip(rows.iloc[:, 0].astype(str), rows.iloc[:, 1].astype(str), strict=True))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PartnerMatchError(f"{path.name} cannot be read: {error.strerror}") from error
