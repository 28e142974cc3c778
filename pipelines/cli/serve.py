"""Command `bojagi serve`: the HTTP application on this installation."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import partial
from typing import Annotated, Literal

import typer

from pipelines.cli.option import Data, settings_for


def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on.", show_default="http.host, 127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.", show_default="8080")
    ] = None,
    llm: Annotated[
        Literal["local"] | None,
        typer.Option(
            "--llm", help="local: a small language model in this process, for trying.", show_default="\\[llm]"
        ),
    ] = None,
    data: Data = None,
) -> None:
    r"""Serve features and the shopping agent over HTTP: each value only as its customer permits for the purpose.

    Every caller needs an API key (`bojagi api-key create`) or a token of the provider in the settings (\[oidc]). With
    another address than this machine's own, set a TLS certificate in \[http]. Ctrl-C or SIGTERM stops the server after
    the open requests are answered.

    [bold]Examples[/bold]

      bojagi serve
      bojagi api-key create --name web-shop --role agent --purpose personalisation
      curl -H "Authorization: Bearer $KEY" http://127.0.0.1:8080/v1/feature-services
      curl http://127.0.0.1:8080/openapi.json
    """
    from agent_serving.server import serve as serve_http
    from installation.installation import Installation
    from pipelines.steward.opening import ConsoleSteward

    settings = settings_for(data)
    changed = {name: value for name, value in {"host": host, "port": port}.items() if value is not None}
    if changed:
        settings = settings.model_copy(update={"http": settings.http.model_copy(update=changed)})
    with ExitStack() as opened:
        if llm == "local":
            from agent_serving.llm.local import LocalModel

            model = opened.enter_context(closing(LocalModel()))
            settings = settings.model_copy(update={"llm": model.settings()})
        installation = opened.enter_context(Installation(settings))
        serve_http(installation, partial(ConsoleSteward, installation))
