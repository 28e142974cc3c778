"""How the index follows the content files: changes, poison files, crashes, and what is never lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from agent_serving.search.content_queue import MAX_ATTEMPTS, ContentQueue
from agent_serving.search.encoder import LetterPairEncoder
from agent_serving.search.engine import Change
from agent_serving.search.errors import ContentError, SearchUnavailable
from agent_serving.search.hybrid import HybridEngine
from agent_serving.search.tantivy_engine import TantivyIndex
from agent_serving.search.upkeep import IndexUpkeep
from agent_serving.search.vector import Vectors


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def upkeep(tmp_path: Path) -> Iterator[IndexUpkeep]:
    (tmp_path / "content").mkdir()
    queue = ContentQueue(tmp_path / "queue.db")
    yield IndexUpkeep(
        tmp_path / "content", TantivyIndex(tmp_path / "index"), queue, tmp_path / "lock", clock=Clock()
    )  # fmt: skip
    queue.close()


def put(upkeep: IndexUpkeep, source: str, *titles: str) -> None:
    rows = [{"id": f"{source}:{n}", "kind": "product", "branch": "a", "title": one} for n, one in enumerate(titles)]
    path = upkeep.folder / source
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def titles(upkeep: IndexUpkeep) -> list[str]:
    return sorted(document.title for document in upkeep.index.search("", branch="a", limit=1000))


def wait(upkeep: IndexUpkeep, seconds: float = 3600) -> None:
    assert isinstance(upkeep.clock, Clock)
    upkeep.clock.now += seconds


def test_new_changed_and_deleted_files_are_followed_and_others_are_not_read(upkeep: IndexUpkeep) -> None:
    put(upkeep, "x/one.jsonl", "빵", "떡")
    put(upkeep, "two.jsonl", "귤")
    assert upkeep.run().indexed == 2
    put(upkeep, "two.jsonl", "감")
    report = upkeep.run()
    assert (report.indexed, report.documents, titles(upkeep)) == (1, 1, ["감", "떡", "빵"])
    (upkeep.folder / "x/one.jsonl").unlink()
    assert (upkeep.run().removed, titles(upkeep)) == (1, ["감"])
    assert upkeep.run() == replace(upkeep.run(), indexed=0, removed=0, documents=0)


def test_broken_links_circles_pipes_and_hidden_files_hide_no_other_file(upkeep: IndexUpkeep) -> None:
    put(upkeep, "x/one.jsonl", "빵")
    put(upkeep, "zz.jsonl", "떡")
    for name in ("aa.jsonl", "x/bb.jsonl"):
        (upkeep.folder / name).symlink_to("nowhere")
    (upkeep.folder / "x/circle").symlink_to(upkeep.folder, target_is_directory=True)
    (upkeep.folder / "mm.jsonl").mkdir()
    os.mkfifo(upkeep.folder / "pipe.jsonl")
    put(upkeep, ".hidden.jsonl", "귤")
    assert (upkeep.run().indexed, titles(upkeep)) == (2, ["떡", "빵"])


def test_a_poison_file_is_given_up_after_three_attempts_and_harms_nothing(upkeep: IndexUpkeep) -> None:
    put(upkeep, "good.jsonl", "빵")
    put(upkeep, "bad.jsonl", "귤")
    upkeep.run()
    (upkeep.folder / "bad.jsonl").write_text('{"id": ')
    put(upkeep, "good.jsonl", "떡")
    assert (upkeep.run().waiting, titles(upkeep)) == (1, ["귤", "떡"])
    assert upkeep.run().waiting == 1, "the second attempt is not due yet"
    for _ in range(MAX_ATTEMPTS - 1):
        wait(upkeep)
        report = upkeep.run()
    assert [(one.source, one.attempts) for one in report.dead] == [("bad.jsonl", MAX_ATTEMPTS)]
    assert "line 1: not JSON" in report.dead[0].error
    assert (report.waiting, titles(upkeep)) == (0, ["귤", "떡"])
    put(upkeep, "bad.jsonl", "감")
    assert (upkeep.run().dead, titles(upkeep)) == ((), ["감", "떡"])


def test_a_file_that_was_being_written_is_indexed_by_a_later_attempt(upkeep: IndexUpkeep) -> None:
    put(upkeep, "one.jsonl", "빵", "떡")
    path = upkeep.folder / "one.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert (upkeep.run().waiting, titles(upkeep)) == (1, [])
    path.write_bytes(whole)
    assert (upkeep.run().waiting, titles(upkeep)) == (0, ["떡", "빵"])


def test_files_stay_in_the_queue_while_the_index_cannot_be_written(
    upkeep: IndexUpkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(upkeep, "one.jsonl", "빵")

    def refuse(changes: list[Change]) -> None:
        raise SearchUnavailable("full disk")

    with monkeypatch.context() as patched:
        patched.setattr(upkeep.index, "write", refuse)
        with pytest.raises(SearchUnavailable):
            upkeep.run()
    assert upkeep.queue.waiting() == 1
    assert (upkeep.run().indexed, titles(upkeep)) == (1, ["빵"])


def test_a_file_that_changes_while_it_is_indexed_is_indexed_again(
    upkeep: IndexUpkeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(upkeep, "one.jsonl", "빵")
    write = upkeep.index.write

    def meanwhile(changes: list[Change]) -> None:
        write(changes)
        put(upkeep, "one.jsonl", "떡")
        upkeep.notice()

    with monkeypatch.context() as patched:
        patched.setattr(upkeep.index, "write", meanwhile)
        assert upkeep.run().waiting == 1
    assert (upkeep.run().indexed, titles(upkeep)) == (1, ["떡"])


def test_a_content_folder_that_is_not_there_empties_no_index(upkeep: IndexUpkeep) -> None:
    put(upkeep, "one.jsonl", "빵")
    upkeep.run()
    upkeep.folder.rename(upkeep.folder.with_name("unmounted"))
    with pytest.raises(ContentError, match="does not exist"):
        upkeep.run()
    assert titles(upkeep) == ["빵"]


def test_a_slow_process_does_not_put_back_what_it_read_before_another(
    upkeep: IndexUpkeep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(upkeep, "one.jsonl", "빵")
    other = replace(upkeep, index=TantivyIndex(tmp_path / "index"), queue=ContentQueue(tmp_path / "queue.db"))
    write = upkeep.index.write

    def slow(changes: list[Change]) -> None:
        put(upkeep, "one.jsonl", "떡")
        with pytest.raises(SearchUnavailable, match="another process"):
            other.run(wait_seconds=0)
        write(changes)

    with monkeypatch.context() as patched:
        patched.setattr(upkeep.index, "write", slow)
        upkeep.run()
    other.run()
    assert titles(upkeep) == ["떡"]
    other.queue.close()


@pytest.mark.parametrize("lost", ["index", "queue.db"])
def test_a_lost_index_or_queue_is_made_again(upkeep: IndexUpkeep, tmp_path: Path, lost: str) -> None:
    put(upkeep, "one.jsonl", "빵")
    put(upkeep, "two.jsonl", "떡")
    upkeep.run()
    (upkeep.folder / "two.jsonl").unlink()
    queue = ContentQueue(tmp_path / "other.db") if lost == "queue.db" else upkeep.queue
    index = TantivyIndex(tmp_path / "other") if lost == "index" else upkeep.index
    again = replace(upkeep, index=index, queue=queue)
    again.run()
    assert titles(again) == ["빵"]
    queue.close()


@pytest.mark.parametrize("is_noticed", [True, False])
def test_after_any_sequence_of_events_and_crashes_the_index_equals_the_files(
    upkeep: IndexUpkeep, monkeypatch: pytest.MonkeyPatch, is_noticed: bool
) -> None:
    draw, expected = Random(20), dict[str, list[str]]()
    finish = upkeep.queue.finish

    def maybe_die(jobs: object) -> None:
        if draw.random() < 0.3:
            raise KeyboardInterrupt
        finish(jobs)  # type: ignore[arg-type]

    monkeypatch.setattr(upkeep.queue, "finish", maybe_die)
    for turn in range(60):
        source = f"{draw.randrange(5)}.jsonl"
        event = draw.random()
        if event < 0.6:
            expected[source] = [f"상품 {turn} {n}" for n in range(draw.randrange(1, 4))]
            put(upkeep, source, *expected[source])
        elif event < 0.75 and source in expected:
            del expected[source]
            (upkeep.folder / source).unlink()
        if draw.random() < 0.5:
            try:
                upkeep.run()
            except KeyboardInterrupt:
                wait(upkeep)
    monkeypatch.setattr(upkeep.queue, "finish", finish)
    if is_noticed:
        upkeep.run()
    else:
        # Negative control: an upkeep that does not look for missed changes leaves the index behind.
        put(upkeep, "0.jsonl", "놓친 것")
        expected["0.jsonl"] = ["놓친 것"]
        monkeypatch.setattr(IndexUpkeep, "notice", lambda _: 0)
        upkeep.run()
    is_equal = titles(upkeep) == sorted(title for found in expected.values() for title in found)
    assert is_equal is is_noticed


def test_vectors_follow_the_files_and_are_made_for_files_indexed_without_them(
    upkeep: IndexUpkeep, tmp_path: Path
) -> None:
    put(upkeep, "one.jsonl", "무선 이어폰")
    upkeep.run()
    vectors = Vectors(tmp_path / "vector", LetterPairEncoder())
    with_vectors = replace(upkeep, vectors=vectors)
    assert with_vectors.run().indexed == 1
    hybrid = HybridEngine(upkeep.index, vectors, 0.2)
    assert [one.title for one in hybrid.search("무선이어셋", branch="a")] == ["무선 이어폰"]
    (upkeep.folder / "one.jsonl").unlink()
    with_vectors.run()
    assert hybrid.search("무선이어셋", branch="a") == vectors.nearest("무선이어셋", 5, 0.2) == []
