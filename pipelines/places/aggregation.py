"""Joins the claims of several pages about one place, and writes the places of a branch as a content file."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent_serving.search.document import Document, Kind
from agent_serving.search.text_form import squeeze
from pipelines.places.claim import FIELDS, Claim
from pipelines.places.extraction import CheckedPage
from pipelines.places.page import Branch, Page
from privacy.storage.atomic_file import replace_public


@dataclass(frozen=True)
class Statement:
    """A value, and the pages that state it."""

    value: str
    pages: tuple[Page, ...]

    @property
    def weight(self) -> tuple[int, date]:
        """Its place among other values: by the number of pages, then by the newest page."""
        return len({page.url for page in self.pages}), max(page.published_on for page in self.pages)


def join_places(branch: Branch, pages: Sequence[CheckedPage], checked_on: date) -> list[Document]:
    """Return one document for each place. Of several values of a fact, the one that most pages state is taken.

    Places are the same if their names are equal without spaces and case.
    """
    claims: dict[str, list[tuple[Claim, Page]]] = defaultdict(list)
    for page in pages:
        for claim in page.claims:
            claims[squeeze(claim.place)].append((claim, page.page))
    return [_document(branch, found, checked_on) for _, found in sorted(claims.items())]


def write_places(folder: Path, branch: Branch, documents: Sequence[Document]) -> None:
    """Replace the content file of a branch's places, at once."""
    lines = [
        json.dumps(
            {
                "id": one.id, "kind": one.kind, "branch": one.branch, "title": one.title, "text": one.text,
                "facts": dict(one.facts), "card": dict(one.card), "keywords": list(one.keywords),
            },
            ensure_ascii=False,
        )
        for one in documents
    ]  # fmt: skip
    path = folder / branch.code / "place.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_public(path, "".join(f"{line}\n" for line in lines))


def _document(branch: Branch, claims: Sequence[tuple[Claim, Page]], checked_on: date) -> Document:
    chosen = {field: found for field in ("name", *FIELDS) if (found := _chosen(claims, field)) is not None}
    name = chosen["name"].value
    sources = {page.url for _, page in claims}
    facts: dict[str, Any] = {field: statement.value for field, statement in chosen.items()}
    facts |= {"near": branch.name, "sources": len(sources), "checked_on": checked_on.isoformat()}
    newest = max(chosen["name"].pages, key=lambda page: (page.published_on, page.url))
    key = sha256(squeeze(name).encode()).hexdigest()[:8]
    card = {"url": newest.url, **({"phone": facts["phone"]} if "phone" in facts else {})}
    text = " ".join(str(facts[field]) for field in ("category", "note", "address") if field in facts)
    keywords = ("근처", "주변", "nearby", "place")
    return Document(f"place:{branch.code}-{key}", Kind.PLACE, branch.code, name, text, facts, card, keywords)


def _chosen(claims: Sequence[tuple[Claim, Page]], field: str) -> Statement | None:
    pages: dict[str, list[Page]] = defaultdict(list)
    values: dict[str, str] = {}
    for claim, page in claims:
        if claim.field == field:
            pages[squeeze(claim.value)].append(page)
            values.setdefault(squeeze(claim.value), claim.value)
    stated = [Statement(values[key], tuple(found)) for key, found in pages.items()]
    return max(stated, key=lambda statement: statement.weight, default=None)
