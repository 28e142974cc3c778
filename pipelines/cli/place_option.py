"""Options and arguments that name a file or folder, also in an object store by its URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from installation.object_store.place import is_url, local_copy

_URLS = "bojagi.urls"


class InputPlace(click.Path):
    """A file or folder to read. A URL such as s3://bucket/table is copied into a private folder for the command.

    The copy needs the setting `storage_options`. It is deleted when the command ends.
    """

    def __init__(self) -> None:
        super().__init__(exists=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path of the file, or of the copy."""
        if not is_url(str(value)) or ctx is None:
            return Path(str(super().convert(value, param, ctx)))
        from installation.settings import load_settings

        copy = ctx.with_resource(local_copy(str(value), load_settings().storage_options))
        return note_url(copy, str(value), ctx)


def note_url(copy: Path, url: str, context: click.Context | None = None) -> Path:
    """Note of which URL a folder is a copy, for `shown`; return the folder."""
    (context or click.get_current_context()).find_root().meta.setdefault(_URLS, {})[str(copy)] = url.rstrip("/")
    return copy


def shown(path: str | Path) -> str:
    """Return a path as the user named it: in the place of a copy, the URL that was copied."""
    context = click.get_current_context(silent=True)
    urls: dict[str, str] = context.find_root().meta.get(_URLS, {}) if context is not None else {}
    text = str(path)
    for copy, url in urls.items():
        if text == copy or text.startswith(f"{copy}/"):
            return url + text[len(copy) :]
    return text
