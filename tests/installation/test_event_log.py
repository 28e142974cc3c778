"""The log is JSON lines of declared fields, and nothing that a person could be known by gets into it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from installation.errors import SettingsError
from installation.event_log import LEFT_OUT, EntryFormatter, log_error, log_event, open_log, request_log
from installation.log_settings import LogSettings

PERSONAL = (
    "김민수", "민수 Kim", "kim@example.com", "010-1234-5678", "+82 10 1234 5678", "8801011234567",
    "4111 1111 1111 1111", "941012345678", "M123456789", "Ünal", "서울시 강남구 테헤란로 1",
)  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """The file of the log, which this process writes during the test."""
    root, before = logging.getLogger(), list(logging.getLogger().handlers)
    file = tmp_path / "log" / "bojagi.jsonl"
    open_log(LogSettings(format="json", file=file))
    yield file
    for handler in [one for one in root.handlers if one not in before]:
        root.removeHandler(handler)
        handler.close()
    logging.getLogger("bojagi").setLevel(logging.NOTSET)


def entries(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def say_everything(value: str) -> None:
    """Hand a personal value to the log in every way that a program could."""
    log_event("run_started", table=value, job=f"refresh {value}", places=[value], rows=3)
    log_event(value)
    log_event("request", **{value: 1, "note": value})  # type: ignore[arg-type]
    logging.getLogger("some.library").warning("row of %s", value)
    logging.getLogger("bojagi").warning(f"row of {value}")
    try:
        raise ValueError(value) from KeyError(value)
    except ValueError as error:
        log_error(error)
        logging.getLogger("some.library").exception(value)
    with request_log(value):
        log_event("request")


@pytest.mark.parametrize("value", PERSONAL)
def test_a_personal_value_gets_into_no_entry(log: Path, value: str) -> None:
    say_everything(value)
    text = log.read_text("utf-8")
    assert len(entries(log)) == 8
    assert value not in text
    assert json.dumps(value)[1:-1] not in text
    assert LEFT_OUT in text


def test_the_search_finds_what_an_ordinary_formatter_writes(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EntryFormatter, "format", lambda self, record: logging.Formatter.format(self, record))
    say_everything(PERSONAL[0])
    assert PERSONAL[0] in log.read_text("utf-8")


def test_an_entry_says_what_happened_where(log: Path) -> None:
    with request_log("0d9e35fa-5c5b-4d0c-9f0a-0c8e0f1d2a3b"):
        log_event("table_written", table="gold/customer_360", seconds=1.5, rows=1_000_000_000, code=None)
    try:
        _ = {}["x"]  # type: ignore[var-annotated]
    except KeyError as error:
        log_error(error, source="bojagi.serve")
    written, failed = entries(log)
    assert {k: written[k] for k in ("event", "level", "table", "seconds", "rows", "request_id")} == {
        "event": "table_written", "level": "info", "table": "gold/customer_360", "seconds": 1.5, "rows": 1_000_000_000,
        "request_id": "0d9e35fa-5c5b-4d0c-9f0a-0c8e0f1d2a3b",
    }  # fmt: skip
    assert "code" not in written
    assert written["process"] == failed["process"]
    assert (failed["event"], failed["error"], failed["level"]) == ("error", "KeyError", "error")
    assert failed["places"][0].startswith("tests/installation/test_event_log.py:")


def test_quiet_entries_of_libraries_and_entries_below_the_level_are_left_out(log: Path) -> None:
    logging.getLogger("some.library").setLevel(logging.DEBUG)
    logging.getLogger("some.library").info("a row")
    log_event("check_ended", level=logging.DEBUG)
    assert not log.read_text("utf-8")


def test_the_log_goes_on_in_a_new_file_after_the_old_one_was_moved(log: Path) -> None:
    log_event("one")
    log.rename(log.with_suffix(".1"))
    log_event("two")
    assert [entry["event"] for entry in entries(log)] == ["two"]


def test_with_the_format_text_nothing_is_opened(tmp_path: Path) -> None:
    before = list(logging.getLogger().handlers)
    open_log(LogSettings(file=tmp_path / "log"))
    assert logging.getLogger().handlers == before
    assert not (tmp_path / "log").exists()


def test_a_file_that_cannot_be_written_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"log\.file .* cannot be written"):
        open_log(LogSettings(format="json", file=tmp_path / "file" / "log"))
