"""The steps of the weekly search for places nearby, as plain functions for commands and Dagster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from agent_serving.search.content_file import content_files, read_content
from agent_serving.search.document import Kind
from installation.settings import Settings
from pipelines.places.aggregation import join_places, write_places
from pipelines.places.extraction import CheckedPage, Extractor, LabelExtractor, ModelExtractor, check_page
from pipelines.places.page import Branch, Page, PageProvider

Pages = Mapping[str, Sequence[Page]]
CheckedPages = Mapping[str, Sequence[CheckedPage]]


@dataclass(frozen=True)
class PlaceReport:
    """The result for one branch. `dropped` are the faults of the claims that were left out."""

    branch: str
    pages: int
    claims: int
    dropped: tuple[str, ...]
    places: int
    is_kept: bool
    """Whether the former places stay, because no page was found or no claim passed."""


def branches(settings: Settings) -> list[Branch]:
    """Return the branches that the content files describe.

    Raises:
        ContentError: a file of branches cannot be read.
    """
    found = [
        document
        for source, path in content_files(settings.content_dir).items()
        if path.name == "branch.jsonl"
        for document in read_content(path.read_bytes(), source)
        if document.kind is Kind.BRANCH
    ]
    return [Branch(code=one.branch, name=one.title, address=str(one.facts.get("address", ""))) for one in found]


def open_extractor(settings: Settings) -> Extractor:
    """Return the model that the settings name; without one, the reader of labelled lines."""
    search = settings.search
    if search.extraction_url is None or search.extraction_model is None:
        return LabelExtractor()
    return ModelExtractor(search.extraction_url, search.extraction_model)


def collect(found: Sequence[Branch], provider: PageProvider) -> Pages:
    """Return the pages of each branch."""
    return {branch.code: provider.collect(branch) for branch in found}


def check(pages: Pages, extractor: Extractor) -> CheckedPages:
    """Return the pages with the claims that they support."""
    return {code: [check_page(page, extractor) for page in found] for code, found in pages.items()}


def publish(settings: Settings, found: Sequence[Branch], pages: CheckedPages, today: date) -> list[PlaceReport]:
    """Write the places of each branch. Without any supported claim the former places of a branch stay."""
    reports = []
    for branch in found:
        checked = pages[branch.code]
        documents = join_places(branch, checked, today)
        if documents:
            write_places(settings.content_dir, branch, documents)
        dropped = tuple(fault for page in checked for fault in page.dropped)
        claims = sum(len(page.claims) for page in checked)
        reports.append(PlaceReport(branch.code, len(checked), claims, dropped, len(documents), not documents))
    return reports
