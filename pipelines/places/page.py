"""Pages about places, and the providers that collect them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.errors import PipelineError


class PlaceError(PipelineError):
    """Places nearby cannot be collected or extracted. The former ones stay."""


class Branch(BaseModel):
    """A branch whose surroundings are searched."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    address: str


class Page(BaseModel):
    """One page of a search result, as plain text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(pattern=r"^https?://", max_length=2000)
    title: str = Field(max_length=500)
    text: str = Field(max_length=100_000)
    published_on: date


class PageProvider(Protocol):
    """Finds pages about the surroundings of a branch, such as a search engine of the web."""

    def collect(self, branch: Branch) -> Sequence[Page]:
        """Return pages; none if nothing is known.

        Raises:
            PlaceError: the provider cannot be asked.
        """
        ...


class FilePages:
    """Pages from a folder: one file of JSON Lines a branch, `<code>.jsonl`, that another program has written."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        self._folder = folder

    def collect(self, branch: Branch) -> Sequence[Page]:
        """Return the pages of the branch's file; none if there is no file."""
        path = self._folder / f"{branch.code}.jsonl"
        try:
            lines = path.read_text("utf-8").split("\n")
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise PlaceError(f"{path}: cannot be read as UTF-8 text: {error}.") from error
        pages = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                pages.append(Page.model_validate_json(line))
            except ValidationError as error:
                fault = error.errors()[0]
                raise PlaceError(f"{path}, line {number}: {fault['loc']}: {fault['msg']}. Correct the line.") from error
        return pages
