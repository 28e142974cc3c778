"""Anchors with and without a key survive interrupted writes, and show forgeries and stores that were put back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from privacy.storage.anchor import (
    SLOT_BYTES,
    Anchored,
    AnchorError,
    AnchorFile,
    AnchorSealError,
    StoreBehindError,
    require_anchored,
)
from privacy.storage.hash_chain import EMPTY, ChainHead

HEADS = [EMPTY]
for _letter in "abcdef":
    HEADS.append(HEADS[-1].next(_letter))
KEY = bytes(range(32))


def make_anchor(path: Path, last: int, key: bytes | None = KEY) -> AnchorFile:
    anchor = AnchorFile(path, key)
    anchor.create()
    for head in HEADS[1 : last + 1]:
        anchor.advance(head)
    return anchor


@pytest.mark.parametrize("key", [None, KEY])
def test_an_anchor_returns_the_last_head_also_in_another_process(tmp_path: Path, key: bytes | None) -> None:
    anchor = AnchorFile(tmp_path / "apart" / "anchor", key)
    assert anchor.read() is None
    with pytest.raises(AnchorError, match="missing"):
        anchor.head()
    anchor.create()
    for head in HEADS:
        anchor.advance(head)
        assert AnchorFile(anchor.path, key).read() == anchor.read() == Anchored(head, has_spoiled_slot=False)
    assert anchor.path.stat().st_mode & 0o777 == 0o600
    anchor.close()
    assert anchor.head() == HEADS[-1]


def test_an_anchor_never_moves_back(tmp_path: Path) -> None:
    anchor = make_anchor(tmp_path / "anchor", 3)
    anchor.advance(HEADS[2])
    anchor.advance(ChainHead(3, "f" * 64))
    anchor.create(HEADS[1])
    assert anchor.head() == HEADS[3]


def test_a_removed_anchor_is_missing_and_not_created_again(tmp_path: Path) -> None:
    anchor = make_anchor(tmp_path / "anchor", 3)
    anchor.path.unlink()
    with pytest.raises(AnchorError, match="missing"):
        anchor.advance(HEADS[4])
    assert not anchor.path.exists()


def test_a_restored_anchor_is_read_from_the_restored_file(tmp_path: Path) -> None:
    anchor = make_anchor(tmp_path / "anchor", 2)
    other = make_anchor(tmp_path / "other", 4)
    os.replace(other.path, anchor.path)
    assert anchor.head() == HEADS[4]


@pytest.mark.parametrize("last", [3, 4])
@pytest.mark.parametrize("cut", [1, 40, 150])
def test_an_interrupted_write_leaves_the_head_before(tmp_path: Path, last: int, cut: int) -> None:
    anchor = make_anchor(tmp_path / "anchor", last)
    content = bytearray(anchor.path.read_bytes())
    newest = content.index(b"%020d" % last)
    content[newest + cut : newest + SLOT_BYTES] = bytes(SLOT_BYTES - cut)
    anchor.path.write_bytes(content)
    anchored = anchor.read()
    assert anchored == Anchored(HEADS[last - 1], has_spoiled_slot=True)
    # The store committed before it moved the anchor, so it goes on behind the whole slot.
    require_anchored(anchored, HEADS[last], lambda number: HEADS[number].digest)
    with pytest.raises(StoreBehindError, match="spoiled"):
        require_anchored(anchored, HEADS[last - 1], lambda number: HEADS[number].digest)
    anchor.advance(HEADS[last])
    assert anchor.read() == Anchored(HEADS[last], has_spoiled_slot=False)


def test_a_store_that_was_put_back_or_written_again_is_refused() -> None:
    anchored = Anchored(HEADS[4], has_spoiled_slot=False)
    require_anchored(anchored, HEADS[4], lambda _: None)
    require_anchored(anchored, HEADS[6], lambda number: HEADS[number].digest)
    with pytest.raises(StoreBehindError, match="ends at entry 3, but its anchor says 4"):
        require_anchored(anchored, HEADS[3], lambda number: HEADS[number].digest)
    with pytest.raises(StoreBehindError, match="not the entry"):
        require_anchored(anchored, ChainHead(4, "f" * 64), lambda _: None)
    with pytest.raises(StoreBehindError, match="not the entry"):
        require_anchored(anchored, HEADS[6], lambda _: None)


def test_an_anchor_sealed_without_the_key_is_refused(tmp_path: Path) -> None:
    anchor = make_anchor(tmp_path / "anchor", 3)
    forged = make_anchor(tmp_path / "forged", 2, bytes(32))
    unsealed = make_anchor(tmp_path / "unsealed", 2, None)
    for other in (forged, unsealed):
        anchor.path.write_bytes(other.path.read_bytes())
        with pytest.raises(AnchorSealError, match="another key"):
            anchor.read()


def test_a_file_that_is_not_an_anchor_is_refused(tmp_path: Path) -> None:
    (tmp_path / "anchor").write_text("x" * 2000)
    with pytest.raises(AnchorError, match="not an anchor"):
        AnchorFile(tmp_path / "anchor", KEY).head()


def test_processes_that_advance_at_once_leave_the_farthest_head(tmp_path: Path) -> None:
    anchor = make_anchor(tmp_path / "anchor", 0)
    code = (
        "import sys, pathlib; from privacy.storage.anchor import AnchorFile; from privacy.storage.hash_chain import *\n"
        "anchor, head = AnchorFile(pathlib.Path(sys.argv[1]), bytes(range(32))), EMPTY\n"
        "for n in range(100):\n"
        "    head = head.next(str(n)); anchor.advance(head)\n"
        "    assert anchor.head().number >= head.number"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(anchor.path)]) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    assert anchor.read() is not None
    assert anchor.head().number == 100
