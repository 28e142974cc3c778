"""Command `bojagi customer`: one customer in the terminal, as the console shows the customer to the role."""

from __future__ import annotations

import json
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipelines.cli.grid import make_grid, open_console
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from agent_serving.console.cell import Formatter
    from agent_serving.console.customer.part import Part

Section = Literal["profile", "timeline", "purchases", "journeys", "insight", "consents", "identity", "requests"]


def customer(
    identifier: Annotated[
        str, typer.Argument(help="The customer as the role sees it: an id such as c_5kq…, or a pseudonym p_….")
    ],
    role: Annotated[str, typer.Option("--role", help="analyst, marketer, support, data_steward or privacy_officer.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What the data is used for: a purpose of the taxonomy.")],
    section: Annotated[Section, typer.Option("--section", help="What to show.")] = "profile",
    language: Annotated[Literal["en", "ko"], typer.Option("--language", help="Language of names and words.")] = "en",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show one customer: profile with sources, timeline, purchases, segment and scores, consents, identity, requests.

    The same rules hold as on the page of the console: what the role or the customer's consent excludes is shown as
    withheld, with the reason. The view is written to the audit log before anything is printed.

    [bold]Examples[/bold]

      bojagi customer c_2xydu7iurncf352tug4qra4rli --role support --purpose service_delivery
      bojagi customer p_523213dc60d695917ea37d20f966f67d --role analyst --purpose analytics --section insight
    """
    from agent_serving.console.cell import Formatter
    from agent_serving.console.customer.reading import CustomerReading
    from agent_serving.console.customer.section import parts_of
    from agent_serving.console.errors import PageRefused
    from agent_serving.console.page_table import PAGES
    from agent_serving.console.staff_name import for_staff
    from agent_serving.console.subject import Reader, SubjectIndex
    from agent_serving.console.viewing import log_view
    from agent_serving.web.page import Pages
    from installation.contract.plain_name import read_plain_names
    from privacy.access.plan import require_role

    installation = installation_for(data)
    key = "customer" if section == "profile" else f"customer_{section}"
    require_role("gold/customer_360", role, purpose, installation.roles, installation.policy)
    who = getuser()
    if role not in PAGES[key].roles:
        log_view(installation, who, role, purpose, key, None, outcome="refused")
        expected = ", ".join(sorted(PAGES[key].roles))
        raise PageRefused(f"The role {role} may not see the section {section}; expected {expected}.")
    subject = SubjectIndex(installation).find(identifier, Reader(role, purpose))
    names = for_staff(read_plain_names(installation.settings.contract_dirs))
    parts = parts_of(key, CustomerReading(installation, names, who, role, purpose, subject))
    log_view(installation, who, role, purpose, key, subject)
    formatter = Formatter(language, Pages("agent_serving.console", {}, installation.settings.time_zone))
    if as_json:
        typer.echo(json.dumps([_as_dict(part, formatter, language) for part in parts], ensure_ascii=False))
        return
    for part in parts:
        _print(part, formatter, language)


def _print(part: Part, formatter: Formatter, language: Literal["en", "ko"]) -> None:
    content, console = _as_dict(part, formatter, language), open_console()
    if "note" in content:
        console.print(content["note"], markup=False)
        return
    console.print(f"\n{content['title']}", style="bold", markup=False)
    if not content["rows"]:
        console.print(content["empty"], markup=False)
        return
    grid = make_grid(*content["heads"])
    for row in content["rows"]:
        grid.add_row(*(cell.replace("[", "\\[") for cell in row))
    console.print(grid)


def _as_dict(part: Part, formatter: Formatter, language: Literal["en", "ko"]) -> dict[str, Any]:
    """Return a part as texts: a note, or title, heads and rows."""
    from agent_serving.console.customer.part import FACT_HEADS, Facts, Grid, Note

    def text(value: Any) -> str:
        return formatter.cell(value).striptags()

    match part:
        case Note():
            return {"note": part.text.text(language)}
        case Facts():
            heads, empty = FACT_HEADS, ""
            rows: Any = [[one.name, one.value, one.source, one.on, one.rule] for one in part.facts]
        case Grid():
            heads, rows, empty = part.heads, part.rows, part.empty.text(language)
        case _:
            heads, rows, empty = tuple(part.columns), part.rows, ""
    return {
        "title": part.title.text(language), "heads": [text(head) for head in heads],
        "rows": [[text(value) for value in row] for row in rows], "empty": empty,
    }  # fmt: skip
