"""The thread of a server that follows the content files."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from agent_serving.search.opening import open_engine
from agent_serving.search.watcher import ContentWatcher
from installation.installation import Installation
from installation.settings import load_settings

LINE = '{"id": "product:1", "kind": "product", "branch": "a", "title": "%s"}\n'


def until(is_true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not become true in 20 s")


def test_a_changed_file_is_found_while_the_watcher_runs_and_not_after_it(tmp_path: Path) -> None:
    installation = Installation(load_settings(data_dir=tmp_path))
    file = installation.settings.content_dir / "a.jsonl"
    file.parent.mkdir()
    engine = open_engine(installation)
    with closing(ContentWatcher(installation, look_seconds=0.02)):
        for title in ("첫째", "둘째"):
            file.write_text(LINE % title)
            until(lambda title=title: [one.title for one in engine.search("", branch="a")] == [title])  # type: ignore[misc]
        file.write_text("broken")
        time.sleep(0.1)
        file.write_text(LINE % "셋째")
        until(lambda: [one.title for one in engine.search("", branch="a")] == ["셋째"])
    file.write_text(LINE % "넷째")
    time.sleep(0.2)
    assert [one.title for one in engine.search("", branch="a")] == ["셋째"]
