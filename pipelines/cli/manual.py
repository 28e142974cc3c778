"""Commands `bojagi docs` and `bojagi settings`: print the documentation that comes with the package."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

SOURCE_FOLDER = Path(__file__).parents[2]
INSTALLED = "share/doc/bojagi/README.md"
"""The first page in an environment in which a wheel of Bojagi was installed; the others lie beside and below it."""


def docs(
    page: Annotated[
        str | None, typer.Argument(help="Page, such as dp or how-to/operator.", show_default="list")
    ] = None,
) -> None:
    """Print a page of the documentation, or list all pages and their folder.

    The folder also has the files for containers and systemd, below deploy/.

    [bold]Examples[/bold]

      bojagi docs
      bojagi docs operate/install
    """
    folder = docs_folder()
    found = (folder / "docs").rglob("*.md")
    pages = {path.relative_to(folder / "docs").with_suffix("").as_posix(): path for path in found}
    if page is None:
        typer.echo(f"Pages in {folder}/docs:\n")
        for name, path in sorted(pages.items()):
            if not name.startswith("decisions/"):
                typer.echo(f"  {name:<28} {path.read_text('utf-8').partition(chr(10))[0].removeprefix('# ')}")
        return
    name = page.removeprefix("docs/").removesuffix(".md")
    if name not in pages:
        close = get_close_matches(name, pages, n=1)
        hint = f"did you mean {close[0]}?" if close else "`bojagi docs` lists all pages."
        raise typer.BadParameter(f"There is no page {name!r}; {hint}", param_hint="PAGE")
    typer.echo(pages[name].read_text("utf-8"))


def docs_folder() -> Path:
    """Return the folder with README.md, docs/ and deploy/: the source folder, or the one that a wheel has installed."""
    if (SOURCE_FOLDER / "docs" / "glossary.md").exists():
        return SOURCE_FOLDER
    from importlib.metadata import files

    found = next((file for file in files("bojagi") or () if file.as_posix().endswith(INSTALLED)), None)
    if found is None:
        raise typer.BadParameter("This installation of Bojagi has no documentation. Install it from its wheel.")
    return Path(str(found.locate())).resolve().parent


def settings() -> None:
    """Print every setting with its default, as a settings file, and which file is read here."""
    import installation.settings as described

    file = described.settings_file()
    typer.echo(f"Settings file here: {file.absolute() if file else 'none, the defaults apply'}\n")
    typer.echo(described.__doc__)
