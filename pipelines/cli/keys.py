"""Commands `bojagi keys`: show the numbers of keys, and rotate the key-encryption key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.error_boundary import ErrorBoundary
from pipelines.cli.option import Data, Json, installation_for

if TYPE_CHECKING:
    from privacy.protection.key_store import WrappedKeyStore

Module = Annotated[
    Path | None,
    typer.Option(
        "--hsm-module",
        help="PKCS#11 module that holds the key-encryption key.",
        show_default="hsm_module of the settings",
    ),
]
Token = Annotated[str, typer.Option("--hsm-token", help="Label of the token in the PKCS#11 module.")]
PinFile = Annotated[
    Path | None, typer.Option("--hsm-pin-file", help="File with the PIN.", show_default="asks for the PIN")
]

app = typer.Typer(cls=ErrorBoundary, help="Show and rotate the keys that encrypt identifiers.", no_args_is_help=True)


@app.command()
def status(
    module: Module = None, token: Token = "bojagi", pin_file: PinFile = None, data: Data = None, as_json: Json = False
) -> None:
    """Show how many data keys exist, how many were destroyed, and which key-encryption key wraps them."""
    with _opened(module, token, pin_file, data) as store:
        keys = store.status()
    if as_json:
        typer.echo(json.dumps(vars(keys)))
        return
    typer.echo(f"{keys.data_keys} data keys, {keys.destroyed} destroyed; generation {keys.generation}")
    for version, count in keys.by_version.items():
        typer.echo(f"{count} wrapped by {version}{' (current)' if version == keys.current_version else ''}")


@app.command()
def rotate(module: Module = None, token: Token = "bojagi", pin_file: PinFile = None, data: Data = None) -> None:
    """Wrap all data keys with a new key-encryption key and destroy the old one. Tables are not rewritten."""
    with _opened(module, token, pin_file, data) as store:
        count = store.rotate()
        version = store.status().current_version
    typer.echo(f"{count} data keys are now wrapped by {version}; older copies of the key store can no longer be used")


@contextmanager
def _opened(module: Path | None, token: str, pin_file: Path | None, data: Path | None) -> Iterator[WrappedKeyStore]:
    wrapper = None
    installation = installation_for(data)
    if module is not None:
        from privacy.protection.pkcs11_wrapper import Pkcs11KeyWrapper

        pin = pin_file.read_text().strip() if pin_file else typer.prompt("PIN", hide_input=True)
        wrapper = Pkcs11KeyWrapper(module, token, pin)
    with closing(installation.open_key_store(wrapper)) as store:
        yield store
