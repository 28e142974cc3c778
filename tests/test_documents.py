"""The documents agree with the tree: links, paths, tables, Python names, commands, folder map and glossary."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.markdown import ROOT, Document, read_documents

DOCUMENTS = read_documents()
PACKAGES = ("pipelines", "agent_serving", "federated", "features", "installation", "privacy", "bench")
FOLDERS = (*PACKAGES, "deploy", "docs", "tests")
EXAMPLE_TABLES = {"bronze/quarantine", "bronze/parking_visit", "bronze/visit"}
"""Tables that have no built-in contract: the quarantine, and the examples of sources that a reader adds."""
PLAIN_ENGLISH = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/glossary.md",
    "docs/tutorial.md",
    "docs/how-to/*",
)
"""Documents for newcomers, in which no sentence has more than `MOST_WORDS` words."""
MOST_WORDS = 25

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)


@cache
def tracked() -> frozenset[str]:
    """Every file that git knows, and every folder with one."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    files = [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
    folders = {parent.as_posix() for name in files for parent in Path(name).parents}
    return frozenset({*files, *folders} - {"."})


@each_document
def test_every_relative_link_leads_to_a_file_and_heading(document: Document) -> None:
    assert [link for link in document.links if not leads_somewhere(document, link)] == []


def test_a_link_to_a_missing_file_or_heading_is_found() -> None:
    readme = DOCUMENTS[0]
    assert leads_somewhere(readme, "docs/contracts.md#vocabulary")
    assert not leads_somewhere(readme, "docs/contract.md")
    assert not leads_somewhere(readme, "docs/contracts.md#no-such-heading")


def leads_somewhere(document: Document, link: str) -> bool:
    name, _, anchor = link.partition("#")
    path = (document.path.parent / name).resolve() if name else document.path
    if not path.exists():
        return False
    return not anchor or anchor in Document(path).anchors


@each_document
def test_every_path_in_backticks_exists(document: Document) -> None:
    assert [span for span in document.spans if is_path(span) and not exists(span)] == []


def test_a_path_that_was_moved_is_found() -> None:
    assert is_path("pipelines/cli/app.py")
    assert exists("pipelines/cli/app.py")
    assert exists("pipelines/cli/")
    assert exists("app.py")
    assert exists("installation/contract/{source,table}/")
    assert exists("installation/contract/table/*.yaml")
    for moved in ("pipelines/config.py", "pipelines/no_such_room/", "no_such_module.py", "cli/app.py"):
        assert is_path(moved)
        assert not exists(moved)
    assert not is_path("data/landing/parking_visit")
    assert not is_path("gold/customer_360")


def is_path(span: str) -> bool:
    """Whether a span names something in the repository: below one of its folders, or a Python file."""
    if re.search(r"[\s<>$…=:()]", span):
        return False
    return span.split("/")[0] in FOLDERS or span.endswith(".py")


def exists(span: str) -> bool:
    """Whether a path, pattern or the bare name of a Python file is in the tree."""
    if "/" not in span and span.endswith(".py"):
        return any(name.rsplit("/", 1)[-1] == span for name in tracked())
    return all(any(fnmatch(name, one) for name in tracked()) for one in alternatives(span.rstrip("/")))


def alternatives(pattern: str) -> list[str]:
    """`a/{b,c}` as `a/b` and `a/c`."""
    found = re.search(r"\{([^}]*)\}", pattern)
    if not found:
        return [pattern]
    return [one for word in found[1].split(",") for one in alternatives(pattern.replace(found[0], word, 1))]


@each_document
def test_every_python_name_exists(document: Document) -> None:
    assert [name for name in python_names(document) if not is_defined(name)] == []


def test_a_python_name_that_was_renamed_is_found() -> None:
    assert is_defined("installation.settings")
    assert is_defined("installation.settings.Settings")
    assert is_defined("privacy.anonymity.anonymize")
    assert not is_defined("installation.settings.NoSuchClass")
    assert not is_defined("pipelines.no_such_module")


def python_names(document: Document) -> Iterator[str]:
    """Dotted names of our packages in backticks, and what the Python examples import from them."""
    for span in document.spans:
        found = re.match(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+", span)
        if found and not span.startswith("bench identity"):
            yield found[0]
    for language, content in document.blocks:
        if language == "python":
            for node in ast.walk(ast.parse(content)):
                if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
                    yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_defined(name: str) -> bool:
    """Whether a dotted name is a module of the tree, or something that the module defines or imports."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        module = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        if module.exists():
            return length == len(parts) or parts[length] in names_of(module)
    return False


@cache
def names_of(module: Path) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.asname or alias.name for alias in node.names)
    return frozenset(found)


@each_document
def test_every_table_in_backticks_has_a_contract(document: Document) -> None:
    named = {span for span in document.spans if re.fullmatch(r"(bronze|silver|gold)/[a-z0-9_]+", span)}
    assert named - EXAMPLE_TABLES - contracted_tables() == set()


@cache
def contracted_tables() -> frozenset[str]:
    folder = ROOT / "installation" / "contract"
    sources = {path.name.split(".")[0].removeprefix("source_") for path in (folder / "source").glob("*.yaml")}
    tables = {path.name.split(".")[0].replace("_", "/", 1) for path in (folder / "table").glob("*.yaml")}
    return frozenset({*tables, *(f"bronze/{source}" for source in sources)})


@each_document
def test_every_command_exists_with_its_options(document: Document) -> None:
    assert [fault for words in document.commands if (fault := fault_of(words))] == []


def test_a_command_or_option_that_does_not_exist_is_found() -> None:
    assert fault_of(["read", "gold/customer_360", "--role", "analyst"]) is None
    assert fault_of(["consent", "grant", "CUSTOMER", "marketing", "--notice", "1"]) is None
    assert fault_of(["--help"]) is None
    assert fault_of(["reed", "gold/customer_360"]) == "bojagi reed: no such command"
    assert fault_of(["consent", "give", "CUSTOMER"]) == "bojagi consent give: no such command"
    assert fault_of(["read", "gold/customer_360", "--rolle", "analyst"]) == "bojagi read: no option --rolle"


def test_commands_are_found_in_prose_and_in_shell_blocks(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(
        "Run `bojagi status --json`.\n\n    bojagi dp budget        what is left\n\n"
        "```bash\nID=$(bojagi read gold/x \\\n  --json | head -1)\nbojagi run  # again\n```\n"
        "```\nNext: bojagi nothing\n```\n"
    )
    found = [["status", "--json"], ["read", "gold/x", "--json"], ["run"], ["nothing"], ["dp", "budget"]]
    assert sorted(Document(path).commands) == sorted(found)


def fault_of(words: list[str]) -> str | None:
    """What is wrong with a command line; None when the command and all its options exist."""
    command, path, rest = root_command(), ["bojagi"], list(words)
    while (children := getattr(command, "commands", None)) and rest and not rest[0].startswith("-"):
        path.append(rest.pop(0).rstrip("."))
        if not set(path[-1].split("|")) <= set(children):
            return f"{' '.join(path)}: no such command"
        command = children[path[-1].split("|")[0]]
    known = {"--help", "-h"}.union(*((*one.opts, *one.secondary_opts) for one in command.params))
    unknown = [
        word for word in rest if word.startswith("-") and word.split("=")[0] not in known and word not in ("-", "--")
    ]
    return f"{' '.join(path)}: no option {unknown[0]}" if unknown else None


@cache
def root_command() -> Any:
    from typer.main import get_command

    from pipelines.cli.app import app

    return get_command(app)


@each_document
def test_every_make_target_exists(document: Document) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [*document.spans, *(line for _, content in document.blocks for line in content.splitlines())]
    named = {found[1] for line in lines if (found := re.match(r"(?:[A-Z_]+=\S+ )?make ([a-z]+)", line.strip()))}
    assert named <= targets


def test_the_folder_map_lists_exactly_the_packages_of_the_tree() -> None:
    assert folder_map() == packages_of_the_tree()


def folder_map() -> list[str]:
    """The folders of the code block under "Folder map"; a folder is indented by two spaces below its parent."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    found = re.search(r"^## Folder map\n.*?^```\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found, "docs/architecture.md has no folder map"
    folders, parent = [], ""
    for line in found[1].splitlines():
        name = re.match(r"( *)([a-z_]+)/ +\S", line)
        assert name, f"expected a folder and what it holds: {line}"
        parent = parent if name[1] else name[2]
        folders.append(f"{parent}/{name[2]}" if name[1] else parent)
    return sorted(folders)


def packages_of_the_tree() -> list[str]:
    """Every package of ours, and every package directly in one."""
    packages = {name.removesuffix("/__init__.py") for name in tracked() if name.endswith("/__init__.py")}
    return sorted(name for name in packages if name.split("/")[0] in PACKAGES and name.count("/") <= 1)


def test_the_glossary_defines_each_term_once_in_alphabetical_order() -> None:
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    terms = [term.lower() for term in re.findall(r"^\| \*\*(.+?)\*\* \|", page, re.MULTILINE)]
    assert len(terms) > 50
    assert terms == sorted(set(terms))


def test_every_decision_is_in_the_list_of_decisions() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"^\| \[\d{4}\]\((\d{4}-.*\.md)\) \|", (folder / "README.md").read_text(), re.MULTILINE)
    assert listed == sorted(path.name for path in folder.glob("0*.md"))


@each_document
def test_sentences_for_newcomers_are_short(document: Document) -> None:
    if not any(fnmatch(document.name, pattern) for pattern in PLAIN_ENGLISH):
        pytest.skip("not a page for newcomers")
    assert [sentence for sentence in sentences(document.prose) if len(sentence.split()) > MOST_WORDS] == []


def sentences(prose: str) -> list[str]:
    """The sentences of Markdown text; an item of a list, a cell of a table and a heading stand alone."""
    text = re.sub(r"<!--.*?-->", "", prose, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", _hide_code(text))
    pieces = re.split(r"\n\s*\n|^#+ .*$|^\s*(?:[-*]|\d+\.) |\|", text, flags=re.MULTILINE)
    return [one.strip() for piece in pieces for one in re.split(r"(?<=[.!?:])\s+", piece) if one.strip()]


def _hide_code(text: str) -> str:
    """The text with each code span as one word."""
    return re.sub(r"`[^`]+`", "code", text)
