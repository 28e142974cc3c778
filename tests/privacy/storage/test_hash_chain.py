"""Every way to change a chain is found, and its digests equal an independent computation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privacy.storage.hash_chain import EMPTY, ChainEntry, ChainHead, find_faults


def chain_of(contents: list[str]) -> list[ChainEntry]:
    head, entries = EMPTY, []
    for content in contents:
        head = head.next(content)
        entries.append(ChainEntry(head.number, content, head.digest))
    return entries


def test_digests_are_the_documented_hash() -> None:
    first = hashlib.sha256(b"1\n" + b"0" * 64 + b"\nfirst").hexdigest()
    second = hashlib.sha256(f"2\n{first}\nsecond".encode()).hexdigest()
    assert [entry.digest for entry in chain_of(["first", "second"])] == [first, second]


@given(st.lists(st.text(), max_size=8), st.integers(0, 8))
def test_an_unchanged_chain_has_no_faults_from_any_start(contents: list[str], start: int) -> None:
    entries = chain_of(contents)
    start = min(start, len(entries))
    before = EMPTY if start == 0 else ChainHead(entries[start - 1].number, entries[start - 1].digest)
    assert list(find_faults(entries[start:], before)) == []


@given(st.lists(st.text(max_size=3), min_size=2, max_size=8), st.data())
def test_a_changed_content_is_found_at_its_entry(contents: list[str], data: st.DataObject) -> None:
    entries = chain_of(contents)
    at = data.draw(st.integers(0, len(entries) - 1))
    other = data.draw(st.text(max_size=3).filter(lambda text: text != contents[at]))
    entries[at] = entries[at]._replace(content=other)
    assert next(find_faults(entries)).number == at + 1


def swap_contents(entries: list[ChainEntry]) -> None:
    one, other = entries[1], entries[2]
    entries[1], entries[2] = one._replace(content=other.content), other._replace(content=one.content)


def drop(entries: list[ChainEntry]) -> None:
    del entries[1]


def drop_two(entries: list[ChainEntry]) -> None:
    del entries[1:3]


def drop_and_renumber(entries: list[ChainEntry]) -> None:
    del entries[1]
    entries[1:] = [entry._replace(number=entry.number - 1) for entry in entries[1:]]


@pytest.mark.parametrize(
    ("change", "kind", "number", "message"),
    [
        (swap_contents, "reordered", 2, "swapped"),
        (drop, "removed", 2, "entry 2 is missing"),
        (drop_two, "removed", 2, "entry 2 to 3 are missing"),
        (drop_and_renumber, "altered", 2, "was changed"),
    ],
)
def test_each_change_is_found_and_named(
    change: Callable[[list[ChainEntry]], None], kind: str, number: int, message: str
) -> None:
    entries = chain_of(["a", "b", "c", "d", "e"])
    change(entries)
    fault = next(find_faults(entries, all_contents=lambda: [entry.content for entry in entries]))
    assert (fault.kind, fault.number) == (kind, number)
    assert message in fault.message
