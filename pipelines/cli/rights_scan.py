"""Command `bojagi rights scan`: search any folder for values, in every form in which a file may hold them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from installation.object_store.place import is_url, local_copy
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, settings_for
from pipelines.cli.place_option import InputPlace, note_url, shown

if TYPE_CHECKING:
    from privacy.protection.scan.needle import Needle


def scan(
    tokens: Annotated[
        list[str],
        typer.Argument(
            metavar="TOKEN...",
            help="Values to search for: a name, phone, e-mail address, number, token or id; - reads one a line.",
            show_default=False,
        ),
    ],
    folder: Annotated[
        list[Path] | None,
        typer.Option(
            "--folder",
            help="Folder or file to search, also by URL; repeat for several.",
            click_type=InputPlace(),
            show_default="data, and the lakehouse",
        ),
    ] = None,
    leave_out: Annotated[
        list[Path] | None, typer.Option("--leave-out", help="Folder or file not to search; repeat for several.")
    ] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Search every file of a folder for values, and print where they were found; writes nothing.

    Files are decoded first: Parquet with dictionaries, Delta logs, checkpoints and change data, Arrow, SQLite with its
    log, compressed files and archives, base64 and escapes. The result shows the position of a value in the command
    and never the value. A part that cannot be decoded is printed, and the folder then does not count as clean.

    The shell keeps what is typed in its history; give - and the values on standard input to avoid that.

    [bold]Examples[/bold]

      bojagi rights scan c_hc2omuxejwt7enyntyta4jytmu
      bojagi rights scan - --folder /backup/2026-11 < values.txt
    """
    from privacy.protection.scan.folder import scan_folders
    from privacy.protection.scan.matcher import Matcher

    settings = settings_for(data)
    values = [line.strip() for line in sys.stdin] if tokens == ["-"] else tokens
    needles = _needles((value for value in values if value), settings.phone_region)
    with ExitStack() as stack:
        if not folder:
            folder = [settings.data_dir]
            if is_url(settings.lakehouse_root):
                copy = stack.enter_context(local_copy(settings.lakehouse_root, settings.storage_options))
                folder.append(note_url(copy, settings.lakehouse_root))
        report = scan_folders(folder, Matcher(needles, settings.phone_region), leave_out or [])
    if as_json:
        typer.echo(json.dumps({**asdict(report), "is_clean": report.is_clean}, ensure_ascii=False, indent=2))
    else:
        for found in report.findings:
            typer.echo(f"found  {shown(found.path)}: {found.needle}, {found.times} times in {found.where}")
        for part in report.undecoded:
            typer.echo(f"not decoded  {shown(part.path)}, {part.where}: {part.reason}")
        verdict = "clean" if report.is_clean else f"{len(report.findings)} places, {len(report.undecoded)} not decoded"
        typer.echo(f"{report.files:,} files, {report.size_bytes / 1e6:,.1f} MB: {verdict}")
    if not report.is_clean:
        raise typer.Exit(ExitCode.QUALITY)


def _needles(values: Iterable[str], region: str) -> list[Needle]:
    from privacy.protection.normal_form import normalise_phone
    from privacy.protection.scan.needle import Needle

    def kind(value: str) -> bool:
        return (
            sum(map(str.isdigit, value)) >= 9
            and value.strip(" +-.()/0123456789") == ""
            and bool(normalise_phone(value, region))
        )

    return [Needle(f"value {n}", value, "phone" if kind(value) else "text") for n, value in enumerate(values, 1)]
