"""Commands `bojagi features`: register, materialise, read, list and describe features of customers."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from getpass import getuser
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from features.definition import Feature, FeatureView
    from features.retrieval.answer import FeatureAnswer

app = typer.Typer(
    cls=ErrorBoundary,
    help="Register, materialise, read, list and describe features of customers.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@app.command()
def apply(as_json: Json = False, data: Data = None) -> None:
    """Register the feature views and services of the contracts with Feast.

    Views that no contract declares any more are removed, with their values in the online store.
    """
    from features.repo.repository import apply_features

    with installation_for(data) as installation:
        report = asdict(apply_features(installation))
    if as_json:
        typer.echo(json.dumps(report))
        return
    for kind, names in report.items():
        typer.echo(f"{kind}: {', '.join(names) or 'none'}")


@app.command()
def materialize(
    view: Annotated[list[str] | None, typer.Option("--view", help="Only this view; repeat for several.")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write the newest row of each customer into the online store. Rows that have not changed are not written.

    Pushed values that a row of a table replaces are compared with it, and differences are reported.
    """
    from features.repo.materialization import materialize as run
    from pipelines.cli.grid import make_grid, open_console

    with installation_for(data) as installation:
        reports = run(installation, view or None)
    if as_json:
        typer.echo(json.dumps([asdict(report) for report in reports]))
        return
    table = make_grid("view", "customers", "written", "newer", "removed", "pushes compared", "differing")
    for one in reports:
        differing = ", ".join(f"{name} {count}" for name, count in one.differing.items()) or "-"
        counts = (one.customers, one.written, one.newer, one.removed, one.compared)
        table.add_row(one.view, *(f"{count:,}" for count in counts), differing)
    open_console().print(table)


@app.command()
def get(
    service: Annotated[str, typer.Argument(help="Feature service, as `bojagi features list` shows it.")],
    customer: Annotated[list[str], typer.Option("--customer", help="Customer id; repeat for several.")],
    role: Annotated[str, typer.Option("--role", help="Role of the reader, such as agent; logged as declared.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What the values are used for.")],
    who: Annotated[
        str | None, typer.Option("--who", help="User name in the audit log.", show_default="the user")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    r"""Read features of customers, each value only as the customer permits now. The read is logged.

    [bold]Example[/bold]

      bojagi features get shopping_agent --customer c_27jthoumeij2ui2pfsxp263u4u \
        --role agent --purpose personalisation
    """
    from features.retrieval.answer import Caller
    from features.retrieval.reader import FeatureReader

    with installation_for(data) as installation, FeatureReader.open(installation) as reader:
        answer = reader.retrieve(customer, service, purpose, Caller(who or getuser(), role))
    if as_json:
        typer.echo(json.dumps(_answer(answer), default=_text))
        return
    for one in answer.customers:
        typer.echo(one.customer_id)
        for name, value, reason in zip(answer.features, one.values, one.reasons, strict=True):
            typer.echo(f"  {name} = {_text(value) if reason is None else f'withheld: {reason}'}")


@app.command("list")
def list_features(as_json: Json = False, data: Data = None) -> None:
    """List the feature services and the feature views with their features."""
    from features.definition import read_catalog

    with installation_for(data) as installation:
        catalog = read_catalog(installation)
    if as_json:
        services = [asdict(service) for service in catalog.services.values()]
        views = [_view(view) for view in catalog.views.values()]
        typer.echo(json.dumps({"services": services, "views": views}, default=_text))
        return
    typer.echo("Services")
    for service in catalog.services.values():
        typer.echo(f"  {service.name}: {len(service.features)} features for {', '.join(sorted(service.purposes))}")
    typer.echo("Views")
    for view in catalog.views.values():
        typer.echo(f"  {view.name} ({view.table})")
        for feature in view.features:
            typer.echo(f"    {feature.name}: {feature.type}")


@app.command()
def describe(
    name: Annotated[str, typer.Argument(help="A service, a view, or a feature as view:feature.")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Describe a service, a view or a feature: definition, window, unit, owner, purposes and freshness."""
    from features.definition import read_catalog

    with installation_for(data) as installation:
        catalog = read_catalog(installation)
    found: dict[str, Any]
    if ":" in name:
        found = _feature(catalog.feature(name))
    elif name in catalog.services:
        found = asdict(catalog.services[name])
    else:
        found = _view(catalog.view(name))
    if as_json:
        typer.echo(json.dumps(found, default=_text))
        return
    for key, value in found.items():
        typer.echo(f"{key}: {_text(value)}")


def _view(view: FeatureView) -> dict[str, Any]:
    shown = {"name": view.name, "description": view.description, "table": view.table, "event_time": view.event_time}
    return shown | {"features": [_feature(feature) for feature in view.features]}


def _feature(feature: Feature) -> dict[str, Any]:
    hours = None if feature.freshness_seconds is None else feature.freshness_seconds / 3600
    return {
        "name": feature.reference, "definition": feature.definition, "type": str(feature.type), "unit": feature.unit,
        "window": feature.window, "owner": feature.owner, "purposes": sorted(feature.purposes),
        "freshness_hours": hours,
    }  # fmt: skip


def _answer(answer: FeatureAnswer) -> dict[str, Any]:
    return {
        "service": answer.service,
        "purpose": answer.purpose,
        "moment": answer.moment,
        "customers": [
            {
                "customer": one.customer_id,
                "values": dict(zip(answer.features, one.values, strict=True)),
                "withheld": {name: why for name, why in zip(answer.features, one.reasons, strict=True) if why},
            }
            for one in answer.customers
        ],
    }


def _text(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset | set | tuple | list):
        return ", ".join(map(str, sorted(value) if isinstance(value, frozenset | set) else value))
    return "none" if value is None else str(value)
