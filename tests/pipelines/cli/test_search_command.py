"""The commands `bojagi search` on simulated content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.simulate.content import write_content
from pipelines.simulate.random_stream import Streams


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_content(tmp_path, Streams(1, 0).generator("content"))
    for branch in ("main", "jamsil", "pangyo", "centum", "daegu"):
        (tmp_path / "content" / branch / "product.jsonl").unlink()
    return tmp_path


def run(data: Path, *arguments: str) -> Any:
    done = CliRunner().invoke(app, ["search", *arguments, "--json", "--data", str(data)])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_content_is_indexed_searched_and_given_up_when_it_is_broken(data: Path) -> None:
    files = run(data, "update")["indexed"]
    assert run(data, "status") == {"files": files, "waiting": 0, "dead": []}
    assert run(data, "update")["indexed"] == 0
    found = run(data, "find", "아이폰케이스", "--branch", "gangnam", "--kind", "product", "--limit", "3")
    assert found
    assert all("아이폰 케이스" in one["title"] and one["branch"] == "gangnam" for one in found)
    milkless = run(data, "find", "과자", "--branch", "gangnam", "--free-of", "milk", "--price-max", "4000")
    assert milkless
    assert all("milk" not in one["facts"]["allergens"] and one["facts"]["price_won"] <= 4000 for one in milkless)
    assert run(data, "find", "", "--kind", "coupon", "--on", "2016-01-01") == []
    (data / "content/gangnam/product.jsonl").write_text("{")
    assert run(data, "update")["waiting"] == 1
    assert run(data, "find", "아이폰케이스", "--branch", "gangnam")


def test_places_are_found_and_searched(data: Path) -> None:
    reports = run(data, "places")
    assert all(report["places"] > 1 and not report["dropped"] for report in reports)
    (place,) = run(data, "find", "근처 약국", "--branch", "gangnam")
    assert (place["kind"], place["facts"]["hours"]) == ("place", "09:00-22:00")


@pytest.mark.parametrize("wrong", [["--kind", "person"], ["--on", "tomorrow"]])
def test_a_wrong_option_is_refused_with_what_is_expected(tmp_path: Path, wrong: list[str]) -> None:
    done = CliRunner().invoke(app, ["search", "find", "빵", *wrong, "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "kinds are product" in " ".join(done.stderr.replace("│", " ").split())
