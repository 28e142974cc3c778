from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from installation.contract.document import BUILT_IN
from privacy.contract.yaml_source import parse_text

PATH = Path("x.odcs.yaml")


def test_every_key_and_item_has_its_line_number() -> None:
    source = parse_text("a: 1\nb:\n  - c: 2\n    d: {e: 3,\n        f: 4}\n", PATH)
    assert source.content == {"a": 1, "b": [{"c": 2, "d": {"e": 3, "f": 4}}]}
    places = {("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 0, "d"): 4, ("b", 0, "d", "f"): 5}
    assert {place: source.line(place) for place in places} == places


def test_a_missing_key_has_the_line_number_of_the_enclosing_mapping() -> None:
    source = parse_text("a: 1\nb:\n  c: 2\n", PATH)
    assert source.line(("b", "x", "y")) == 2
    assert source.line(("z",)) == 1


@pytest.mark.parametrize(
    "path", sorted(path for folder in BUILT_IN for path in folder.glob("*.odcs.yaml")), ids=lambda path: path.name
)
def test_the_content_equals_that_of_pyyaml(path: Path) -> None:
    text = path.read_text("utf-8")
    assert parse_text(text, path).content == yaml.safe_load(text)


def test_anchors_and_merge_keys_are_resolved() -> None:
    source = parse_text("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n", PATH)
    assert source.content["b"] == {"p": 1, "q": 3}
    assert source.faults == []


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\na: 2\n", 2, "Key 'a' is repeated (first in line 1)"),
        ("a: [1\nb: 2\n", 2, "Not valid YAML"),
        ("a: \t- 1\n", 1, "Not valid YAML"),
        ("a: *b\n", 1, "Not valid YAML"),
        ("a: &b\n  c: *b\n", 1, "Not valid YAML"),
        ("a: !!python/object:os.system x\n", 1, "Not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "Not valid YAML"),
        ("a: 2017-13-45\n", 1, "Not valid YAML"),
        ("- a\n", 1, "The document is not a mapping"),
        ("", 1, "The file is empty"),
        ("a: \x00\n", 1, "Not valid YAML"),
    ],
)
def test_invalid_yaml_gives_one_fault_with_its_line(text: str, line: int, message: str) -> None:
    source = parse_text(text, PATH)
    assert [(fault.line, fault.message) for fault in source.faults] == [(line, message)]
