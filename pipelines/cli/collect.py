"""Commands `bojagi collect`: write keys of the HTTP collector, and loading, lag and replay of what arrives."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.error_boundary import ErrorBoundary, print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Engine, Json, installation_for

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from agent_serving.authentication.api_key import ApiKey, ApiKeyStore
    from installation.installation import Installation
    from pipelines.ingest.load_result import LoadResult

app = typer.Typer(
    cls=ErrorBoundary,
    help="Collect events of Segment and RudderStack SDKs: make write keys, and load what has arrived.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
keys = typer.Typer(
    cls=ErrorBoundary, help="Make, list and revoke write keys.", no_args_is_help=True, rich_markup_mode="rich"
)
app.add_typer(keys, name="key")
DEFAULT_SOURCE = "source.tracked_event"


@keys.command()
def create(
    name: Annotated[str, typer.Option("--name", help="Name of the shop, app or program that will send.")],
    source: Annotated[
        str, typer.Option("--source", help="Contract of the source that gets the events.")
    ] = DEFAULT_SOURCE,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Make a write key and print it once. It only sends events, so a web page may contain it.

    [bold]Examples[/bold]

      bojagi collect key create --name web-shop
      bojagi collect key create --name till --source source.till_event
    """
    from agent_serving.collector.write_key import create_write_key
    from installation.collector.place import collected_sources, segment_folder

    with _opened(data) as (installation, store):
        known = {contract.id: contract for contract in collected_sources(installation.contracts)}
        if source not in known:
            print_error(f"Got the source {source!r}; the sources that are collected are {', '.join(sorted(known))}.")
            raise typer.Exit(ExitCode.REFUSED)
        segment_folder(known[source], installation.settings)
        made, key = create_write_key(store, name, source)
    if as_json:
        typer.echo(json.dumps({**_described(made, made.created_at), "key": key}))
        return
    typer.echo(key)
    typer.echo(f"Write key {made.id} of {made.name}: store it now, it is not shown again.", err=True)


@keys.command("list")
def list_keys(as_json: Json = False, data: Data = None) -> None:
    """List the write keys with their source and state, the newest first. Times are in UTC."""
    from agent_serving.collector.write_key import is_write_key
    from pipelines.cli.grid import make_grid, open_console

    with _opened(data) as (installation, store):
        now = installation.clock()
        found = [_described(key, now) for key in store.all_keys() if is_write_key(key)]
    if as_json:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo("There are no write keys. Make one with `bojagi collect key create`.")
        return
    table = make_grid("id", "name", "source", "state", "created")
    for key in found:
        table.add_row(key["id"], key["name"], key["source"], key["state"], key["created_at"][:16].replace("T", " "))
    open_console().print(table)


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `bojagi collect key list` shows it.")],
    data: Data = None,
) -> None:
    """Revoke a write key. Every process refuses it from its next request on."""
    from agent_serving.collector.write_key import is_write_key

    with _opened(data) as (_, store):
        if key_id not in {key.id for key in store.all_keys() if is_write_key(key)}:
            print_error(f"There is no write key {key_id!r}. `bojagi collect key list` shows the keys.")
            raise typer.Exit(ExitCode.REFUSED)
        key = store.revoke(key_id)
    typer.echo(f"The write key {key.id} of {key.name} is revoked.")


@app.command()
def load(
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on until Ctrl-C or SIGTERM, and push features as events arrive.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Load collected events, and messages of topics of Kafka, into their bronze tables, each once.

    `bojagi serve` writes events to the disk; this command brings them into the tables. Run it with --follow beside
    `bojagi serve`. It may be killed at any moment.

    [bold]Examples[/bold]

      bojagi collect load
      bojagi collect load --follow
    """
    from installation.collector.place import collected_sources
    from installation.event_log import open_log
    from pipelines.collection.backlog import streamed_sources
    from pipelines.collection.following import follow as follow_logs
    from pipelines.collection.micro_batch import load_messages, load_segments
    from pipelines.collection.waiting import WaitingEvents

    with installation_for(data) as installation:
        collected = collected_sources(installation.contracts)
        topics = [one for one in streamed_sources(installation) if one not in collected]
        contracts = (*collected, *topics)
        if not follow:
            for contract in collected:
                with WaitingEvents(installation, contract) as waiting:
                    waiting.release()
            results = [load_segments(installation, contract) for contract in collected]
            results += [load_messages(installation, contract) for contract in topics]
            for result in results:
                if result is not None:
                    _print(result, as_json=as_json)
            if not any(results):
                typer.echo("[]" if as_json else "No events wait to be loaded.")
            return
        open_log(installation.settings.log, is_needed=True)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        typer.echo(f"Following {', '.join(contract.id for contract in contracts)} (Ctrl-C stops it)", err=True)
        follow_logs(installation, contracts, stop, lambda result: _print(result, as_json=as_json))


@app.command()
def status(as_json: Json = False, data: Data = None) -> None:
    """Show what has arrived and is not in bronze yet, by source. The exit code is 1 while loading is late.

    [bold]Examples[/bold]

      bojagi collect status
      bojagi collect status --json | jq '.[].seconds'
    """
    from dataclasses import asdict

    from pipelines.cli.grid import make_grid, open_console
    from pipelines.collection.backlog import read_backlog, streamed_sources

    with installation_for(data) as installation:
        found = [read_backlog(installation, contract) for contract in streamed_sources(installation)]
    if as_json:
        typer.echo(json.dumps([{**asdict(one), "is_late": one.is_late} for one in found]))
    else:
        table = make_grid("source", "arrives in", "segments", "kB", "messages", "oldest s", "state")
        for one in found:
            kilobytes = None if one.size_bytes is None else (one.size_bytes + 999) // 1000
            figures = (one.segments, kilobytes, one.messages, None if one.seconds is None else round(one.seconds))
            shown = ("" if figure is None else f"{figure:,}" for figure in figures)
            table.add_row(one.source, one.kind, *shown, one.fault or ("late" if one.is_late else "ok"))
        open_console().print(table)
    if any(one.is_late for one in found):
        raise typer.Exit(ExitCode.QUALITY)


@app.command()
def replay(engine: Engine = None, as_json: Json = False, data: Data = None) -> None:
    """Check quarantined events and messages against the current contracts, and load those that pass.

    It is `bojagi quarantine replay` for the sources whose rows arrive one by one.

    [bold]Examples[/bold]

      bojagi collect replay
    """
    from pipelines.cli.quarantine import print_replayed, replay_rows
    from pipelines.collection.backlog import streamed_sources

    with installation_for(data, engine=engine) as installation:
        names = [contract.name for contract in streamed_sources(installation)]
        print_replayed(replay_rows(installation, names), as_json=as_json)


def _print(result: LoadResult, *, as_json: bool) -> None:
    counts = {
        "source": result.source, "segments": result.files_new, "added": result.rows_added,
        "repeated": result.rows_known, "quarantined": result.rows_quarantined, "erased": result.rows_suppressed,
        "seconds": round(result.seconds, 3),
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(counts))
        return
    typer.echo(
        f"{result.source}: {result.rows_added:,} events added, {result.rows_known:,} repeated, "
        f"{result.rows_quarantined:,} in quarantine, {result.seconds:.2f} s"
    )
    if result.rows_quarantined:
        typer.echo(f"  The reasons: bojagi quarantine list {result.source}", err=True)
    for fault in result.faults:
        typer.echo(f"  {fault}", err=True)


@contextmanager
def _opened(data: Path | None) -> Iterator[tuple[Installation, ApiKeyStore]]:
    from agent_serving.services import open_api_keys

    with installation_for(data) as installation:
        store = open_api_keys(installation)
        try:
            yield installation, store
        finally:
            store.close()


def _described(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        "id": key.id, "name": key.name, "source": key.purposes[0], "state": key.state(now),
        "created_at": key.created_at.isoformat(),
    }  # fmt: skip
