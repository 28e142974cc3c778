"""`bojagi simulate` prints the files that it wrote or found."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from pipelines.cli.simulate import simulate_command
from pipelines.simulate.rates import Rates

_app = typer.Typer()
_app.command()(simulate_command)


def _invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(_app, list(arguments))
    return result.exit_code, result.stdout


def test_a_second_call_of_the_command_finds_the_files_of_the_first(tmp_path: Path) -> None:
    arguments = ("--out", str(tmp_path), "--seed", "5", "--households", "12")
    code, text = _invoke(*arguments)
    assert code == 0
    assert "cj_transactions" in text
    assert "written in" in text.replace("\n", " ")
    code, text = _invoke(*arguments, "--json")
    assert code == 0
    report = json.loads(text)
    assert report["was_present"] is True
    assert report["rows"]["cj_campaign_descriptions"] == 27
    assert report["spec"] == {"seed": 5, "scale": 1, "households": 12, "rates": Rates().model_dump()}


def test_the_command_refuses_a_scale_of_zero(tmp_path: Path) -> None:
    code, _ = _invoke("--out", str(tmp_path), "--scale", "0")
    assert code == 2
