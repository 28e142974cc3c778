"""Acknowledged lines are on the disk whole and once: after a kill, on a full disk, and while segments are sealed."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import wait
from contextlib import closing
from pathlib import Path

import pytest

from installation.collector import append_log
from installation.collector.append_log import AppendLog
from installation.collector.errors import LogBusy, LogFailed
from installation.collector.segment import OPEN, Segment, seal_orphans, sealed_segments

WRITER = """
import sys
from pathlib import Path
from installation.collector.append_log import AppendLog
log, number = AppendLog(Path(sys.argv[1]), seal_seconds=0.05), 0
while True:
    written = [log.append([f"{number + one}:{'x' * 500}:".encode()]) for one in range(20)]
    for one in written:
        one.result()
    number += 20
    print(number, flush=True)
"""


def lines_in(folder: Path) -> list[bytes]:
    assert all(path.read_bytes().endswith(b"\n") for path in sealed_segments(folder))
    return [line for path in sealed_segments(folder) for line in path.read_bytes().splitlines()]


def test_acknowledged_lines_survive_kills_whole_and_once(tmp_path: Path) -> None:
    for number in range(4):
        folder = tmp_path / str(number)
        command = [sys.executable, "-c", WRITER, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged = 0
            for _ in range(3 + number * 7):
                acknowledged = int(writer.stdout.readline())
            assert seal_orphans(folder) == [], "the segment of a living writer was taken"
            writer.send_signal(signal.SIGKILL)
            acknowledged = max([acknowledged, *map(int, writer.stdout.read().split("\n")[:-1])])
        seal_orphans(folder)
        found = [int(line.split(b":")[0]) for line in lines_in(folder)]
        assert found == list(range(len(found)))
        assert len(found) >= acknowledged > 0


def test_a_sender_that_goes_away_does_not_stop_the_writer(tmp_path: Path) -> None:
    with closing(AppendLog(tmp_path)) as log:
        assert not log.append([b"one"]).cancel()
        log.append([b"two"]).result(timeout=30)
    assert lines_in(tmp_path) == [b"one", b"two"]


def test_a_line_that_is_not_whole_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / f"{OPEN}1.jsonl").write_bytes(b"one\ntwo\n" + b"thr" * 50_000)
    (tmp_path / f"{OPEN}2.jsonl").write_bytes(b"half")
    assert len(seal_orphans(tmp_path)) == 1
    assert lines_in(tmp_path) == [b"one", b"two"]
    assert not list(tmp_path.glob(f"{OPEN}*"))


def test_many_senders_share_a_flush(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes: list[int] = []
    flush = os.fdatasync

    def count(file: int) -> None:
        flushes.append(file)
        flush(file)

    monkeypatch.setattr("os.fdatasync", count)
    with closing(AppendLog(tmp_path)) as log:
        done = [log.append([str(number).encode()]) for number in range(2000)]
        wait(done)
    assert sorted(map(int, lines_in(tmp_path))) == list(range(2000))
    assert len(flushes) < 1000


@pytest.mark.parametrize("call", ["fdatasync", "pwrite"])
def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    real: Callable[..., int] = getattr(os, call)

    def fail(file: int, *rest: object) -> None:
        if call == "pwrite":
            real(file, b"ha", rest[-1])
        raise OSError(errno.ENOSPC, "No space left on device")

    with closing(AppendLog(tmp_path)) as log:
        log.append([b"before"]).result()
        with monkeypatch.context() as full:
            full.setattr(f"os.{call}", fail)
            with pytest.raises(LogFailed, match="the disk is full"):
                log.append([b"lost"]).result()
        log.append([b"after"]).result()
    assert lines_in(tmp_path) == [b"before", b"after"]


def test_memory_is_bounded_while_the_disk_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(append_log, "MOST_WAITING_BYTES", 100)
    with closing(AppendLog(tmp_path)) as log:
        with pytest.raises(LogBusy) as busy:
            log.append([b"x" * 101])
        assert busy.value.retry_after_seconds >= 1
        log.append([b"small"]).result()
    with pytest.raises(LogBusy):
        log.append([b"closed"])


def test_an_empty_segment_that_was_taken_before_its_lock_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    taken: list[int] = []

    def late(file: int, operation: int) -> None:
        if not taken:
            taken.append(file)
            seal_orphans(tmp_path)
        lock(file, operation)

    monkeypatch.setattr("fcntl.flock", late)
    one = Segment(tmp_path)
    one.append(b"line\n")
    assert one.seal() is not None
    assert lines_in(tmp_path) == [b"line"]
