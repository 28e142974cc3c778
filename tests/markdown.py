"""Reads Markdown documents for the tests: headings, links, code spans and command lines."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    .*\n)+", re.MULTILINE)
_SPAN = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_LEAD_IN = re.compile(r"\s{2,}|\s#\s|\s(?:\||&&|;)\s|[<>)]|\$\(")


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        """Path from the root of the repository."""
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        """The whole file."""
        return self.path.read_text("utf-8")

    @cached_property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _INDENTED.sub("", _FENCE.sub("", self.text))

    @cached_property
    def blocks(self) -> list[tuple[str, str]]:
        """Language and content of each fenced code block; of indented ones the language is empty."""
        fenced = [(found[1], found[2]) for found in _FENCE.finditer(self.text)]
        return fenced + [("", found[0]) for found in _INDENTED.finditer(_FENCE.sub("", self.text))]

    @cached_property
    def spans(self) -> list[str]:
        """What stands in backticks in the prose; a line break counts as a space."""
        return [" ".join(found.split()) for found in _SPAN.findall(self.prose)]

    @cached_property
    def links(self) -> list[str]:
        """Targets of links and images, addresses of the web left out."""
        return [found for found in _LINK.findall(self.prose) if "://" not in found and not found.startswith("mailto:")]

    @cached_property
    def anchors(self) -> set[str]:
        """The anchors of the headings, as GitHub makes them."""
        headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", self.text), re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @cached_property
    def commands(self) -> list[list[str]]:
        """The words after `bojagi` of every command in a code span, or at the start of a line in a shell block."""
        lines = [span for span in self.spans if span.startswith("bojagi ")]
        for language, content in self.blocks:
            if language in ("", "bash", "console"):
                lines += re.sub(r"\\\n\s*", "", content).splitlines()
        return [words for line in lines for words in _commands_of(line)]


def read_documents() -> list[Document]:
    """Return the documents of the repository: README, CONTRIBUTING and everything in docs/."""
    names = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [Document(path) for path in names]


def _commands_of(line: str) -> list[list[str]]:
    """The words of each `bojagi` command of a line; what stands behind two spaces or a comment sign explains it."""
    found = []
    for start in re.finditer(r"(?:^|[ (])(?:\.venv/bin/)?bojagi (?=[a-z-])", line):
        rest = line[start.end() :]
        end = _LEAD_IN.search(_hide_quoted(rest))
        command = rest[: end.start()] if end else rest
        found.append(shlex.split(command.replace("[", " ").replace("]", " ").rstrip(".,:")))
    return [words for words in found if words]


def _hide_quoted(text: str) -> str:
    """The text with every quoted part overwritten, so that signs in it end no command."""
    return re.sub(r"'[^']*'|\"[^\"]*\"", lambda found: "x" * len(found[0]), text)
