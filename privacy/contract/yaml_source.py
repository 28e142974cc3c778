"""Parses YAML into plain data, with the line number of every key and value.

Uses PyYAML's C parser, because ruamel.yaml is many times slower. The ODCS package and `datacontract-cli` use the same
parser, so they read the same values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from privacy.contract.fault import Fault

YamlPath: TypeAlias = tuple[str | int, ...]
"""Keys and list indexes from the root of a YAML document to one of its values, such as ("schema", 0, "name")."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Source:
    """One contract file: its content, the line of every key and list item, and the faults found so far."""

    path: Path
    content: dict[str, Any] = field(default_factory=dict)
    lines: dict[YamlPath, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def line(self, place: YamlPath) -> int:
        """Return the line number of a place; when the file lacks the place, the line of the nearest enclosing one."""
        for length in range(len(place), 0, -1):
            found = self.lines.get(place[:length])
            if found is not None:
                return found
        return 1

    def report(self, place: YamlPath, message: str, *, got: object = "", expected: object = "", hint: str = "") -> None:
        """Add a fault at a place."""
        self.faults.append(Fault(self.path, self.line(place), message, str(got), str(expected), hint))


def parse_text(text: str, path: Path) -> Source:
    """Return the parsed YAML document. Syntax errors are listed in `faults` of the result."""
    source = Source(path)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            source.report((), "The file is empty", expected="an ODCS contract")
            return source
        content = _construct(loader, node, (), source, frozenset())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        source.faults.append(
            Fault(path, mark.line + 1 if mark else 1, "Not valid YAML", error.problem or "", "an ODCS contract")
        )
        return source
    except yaml.YAMLError as error:
        source.report((), "Not valid YAML", got=str(error).splitlines()[0], expected="an ODCS contract")
        return source
    finally:
        loader.dispose()
    if isinstance(content, Mapping):
        source.content = dict(content)
    else:
        source.report((), "The document is not a mapping", got=type(content).__name__, expected="an ODCS contract")
    return source


def _construct(loader: Any, node: yaml.Node, place: YamlPath, source: Source, above: frozenset[int]) -> Any:
    source.lines.setdefault(place, node.start_mark.line + 1)
    if id(node) in above:
        raise yaml.constructor.ConstructorError(None, None, "an alias that contains itself", node.start_mark)
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        return _construct_mapping(loader, node, place, source, above)
    if isinstance(node, yaml.SequenceNode):
        return [_construct(loader, item, (*place, index), source, above) for index, item in enumerate(node.value)]
    try:
        return loader.construct_object(node)
    except ValueError as error:  # YAML takes 2017-13-45 for a date and then rejects its month.
        raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error


def _construct_mapping(
    loader: Any, node: yaml.MappingNode, place: YamlPath, source: Source, above: frozenset[int]
) -> dict[str, Any]:
    first: dict[str, int] = {}
    for key_node, _ in node.value:
        line = key_node.start_mark.line + 1
        if str(key_node.value) in first:
            message = f"Key {key_node.value!r} is repeated (first in line {first[key_node.value]})"
            source.faults.append(Fault(source.path, line, message, hint="keep one of them"))
        first.setdefault(str(key_node.value), line)
    loader.flatten_mapping(node)
    mapping: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        source.lines[(*place, key)] = key_node.start_mark.line + 1
        mapping[key] = _construct(loader, value_node, (*place, key), source, above)
    return mapping
