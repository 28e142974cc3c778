"""Commands `bojagi backup` and `bojagi restore`: write, list and verify backups, and restore one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from installation.backup.secrets_choice import Secrets
from pipelines.cli.error_boundary import ErrorBoundary, print_error
from pipelines.cli.exit_code import ExitCode
from pipelines.cli.option import Data, Json, installation_for, settings_for

if TYPE_CHECKING:
    from pipelines.backup.recovery import Recovery

Backup = Annotated[
    str | None, typer.Argument(help="A name that `bojagi backup list` shows.", show_default="the newest backup")
]

app = typer.Typer(
    cls=ErrorBoundary,
    help="Write, list and verify backups. Without a further word, write one.",
    invoke_without_command=True,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def create(
    context: typer.Context,
    stores_only: Annotated[
        bool, typer.Option("--stores-only", help="Leave out the tables: for every hour, between whole backups.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write a backup while runs and requests go on, and delete expired ones.

    Tables and stores go to `place`, secrets to `secrets_place`; both are encrypted. Only what is new is written.

    [bold]Examples[/bold]

      bojagi backup
      bojagi backup --stores-only
      bojagi backup list
      bojagi backup verify
    """
    if context.invoked_subcommand is not None:
        return
    from installation.backup.creation import make_backup

    with installation_for(data) as installation:
        report = make_backup(installation, has_tables=not stores_only)
        key = installation.settings.backup and installation.settings.backup.key_file
    shown = {
        "backup": report.id,
        "parts": {part: {"files": len(m.files), "bytes": m.size} for part, m in report.parts.items()},
        "new_chunks": report.new_chunks,
        "removed_chunks": report.removed,
    }
    if as_json:
        print(json.dumps(shown, indent=1))
        return
    for part, manifest in report.parts.items():
        print(f"  {part:<8} {len(manifest.files):>8,} files {manifest.size:>16,} bytes")
    print(f"{report.id}: {report.new_chunks:,} new chunks written, {report.removed:,} expired ones deleted")
    print(f"Keep a copy of {key} in another place: without it no backup can be read.")


@app.command("list")
def list_command(as_json: Json = False, data: Data = None) -> None:
    """Show the backups, the newest last."""
    from installation.backup.creation import open_vaults
    from installation.backup.vault import Part

    vaults = open_vaults(settings_for(data))
    found = [m for m in vaults.data.manifests() if m.part in (Part.TABLES, Part.STORES)]
    rows: list[dict[str, Any]] = [
        {"backup": m.id, "part": m.part, "made_at": m.made_at.isoformat(), "files": len(m.files), "bytes": m.size}
        for m in sorted(found, key=lambda m: (m.id, m.part))
    ]
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        print(f"{row['backup']}  {row['part']:<7} {row['files']:>8,} files {row['bytes']:>16,} bytes")
    if not rows:
        print("No backup yet. Run `bojagi backup`.")


@app.command()
def verify(backup: Backup = None, as_json: Json = False, data: Data = None) -> None:
    """Restore a backup into a scratch folder, check every table, store and key in it, and delete the folder.

    The exit code is 1 if a check does not hold.
    """
    from pipelines.backup.recovery import verify_backup

    with installation_for(data) as installation:
        recovery = verify_backup(installation, backup)
    _print(recovery, as_json=as_json)
    if not recovery.is_whole:
        raise typer.Exit(ExitCode.QUALITY)


def restore(
    backup: Backup = None,
    secrets: Annotated[
        Secrets,
        typer.Option(
            "--secrets",
            help="restore: those of the backup; keep: leave the secret folder as it is; accept-loss: keep it, and "
            "give up what the stores recorded since the backup.",
        ),
    ] = Secrets.RESTORE,
    move_aside: Annotated[
        bool, typer.Option("--move-aside", help="Rename the folders of an installation that is there already.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Restore a backup where the settings say: its tables, and the newest stores, landed files and secrets.

    Refused if an installation is there already. Persons who were erased after the backup are erased again. Then every
    part is checked; the exit code is 6 if one does not hold, and uses stay refused.

    [bold]Examples[/bold]

      bojagi restore
      bojagi restore 20261130T020000.000000Z --move-aside
      bojagi restore --secrets keep        [dim]# only the disk with the data was lost[/dim]
    """
    from installation.backup.restoration import RestorePlan
    from pipelines.backup.recovery import recover

    settings = settings_for(data)
    recovery = recover(settings, RestorePlan(backup, secrets, move_aside))
    _print(recovery, as_json=as_json)
    for folder in recovery.report.moved:
        typer.echo(f"The former folder is now {folder}. Delete it when the restored installation is right.", err=True)
    if not recovery.checks:
        print_error(
            f"{settings.secret_dir} has no secrets, so every use that needs them is refused. Put them there, then run "
            "`bojagi doctor` and `bojagi audit verify`; or run `bojagi restore --move-aside`, which takes those of the "
            "backup."
        )
    if not recovery.is_whole:
        raise typer.Exit(ExitCode.REFUSED)


def _print(recovery: Recovery, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_document(recovery), indent=1))
        return
    for part, manifest in recovery.report.parts.items():
        print(f"  {part:<8} {len(manifest.files):>8,} files of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC")
    for check in recovery.checks:
        print(f"{'✓' if check.holds else '✗'} {check.name}: {check.detail}")
    if recovery.rows_erased is not None:
        print(f"✓ {recovery.rows_erased:,} rows of persons who were erased since the backup were erased again")
    for table, rows in recovery.rows_lost.items():
        print(f"! {table}: {rows:,} of these rows lost fields that the law keeps; only a newer backup has them")


def _document(recovery: Recovery) -> dict[str, Any]:
    return {
        "parts": {part: {"backup": m.id, "files": len(m.files)} for part, m in recovery.report.parts.items()},
        "checks": [vars(check) for check in recovery.checks],
        "rows_erased": recovery.rows_erased,
        "rows_lost": dict(recovery.rows_lost),
        "moved": [str(folder) for folder in recovery.report.moved],
        "is_whole": recovery.is_whole,
    }
