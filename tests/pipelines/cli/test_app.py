import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from pipelines.cli.app import app
from pipelines.cli.exit_code import ExitCode
from pipelines.ingest.lock import run_lock


@pytest.fixture
def runner() -> CliRunner:
    return CliRunner()


def _bojagi(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pipelines.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["run", "status", "ui", "simulate", "contracts", "quarantine"])
def test_help_of_a_command_shows_examples(runner: CliRunner, command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == ExitCode.OK
    if command in ("run", "status", "ui"):
        assert f"bojagi {command}" in result.output


def test_help_describes_every_argument() -> None:
    def arguments(command: click.Command, path: str) -> Iterator[tuple[str, str | None]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield from arguments(inner, f"{path} {name}")
        yield from ((f"{path} {one.name}", one.help) for one in command.params if isinstance(one, click.Argument))

    found = list(arguments(typer.main.get_command(app), "bojagi"))
    assert len(found) > 20
    assert [path for path, help_text in found if not help_text] == []


def test_help_imports_no_heavy_package() -> None:
    heavy = {"dagster", "pyspark", "pandas", "pyarrow", "deltalake", "pydantic", "great_expectations", "numpy"}
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom pipelines.cli.app import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "arguments",
    [["run", "--engin", "sail"], ["run", "--scale", "many"], ["fly"], ["run", "--engine", "flink"]],
)
def test_a_wrong_command_line_exits_with_2_and_no_traceback(arguments: list[str], tmp_path: Path) -> None:
    done = _bojagi(*arguments, *(["--data", str(tmp_path)] if arguments[0] == "run" else []))
    assert done.returncode == ExitCode.USAGE
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_status_of_an_empty_folder_names_the_next_command(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(app, ["status", "--data", str(tmp_path)])
    assert result.exit_code == ExitCode.OK
    assert "bojagi run" in result.output
    assert not list(tmp_path.iterdir())


def test_status_of_an_empty_folder_as_json_lists_no_table(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(app, ["status", "--json", "--data", str(tmp_path)])
    document = json.loads(result.output)
    assert (document["last_run"], document["tables"], document["quarantine"]) == (None, [], [])


def test_commands_on_an_empty_quarantine_say_that_it_is_empty(runner: CliRunner, tmp_path: Path) -> None:
    for command in ("list", "replay"):
        result = runner.invoke(app, ["quarantine", command, "--data", str(tmp_path)])
        assert (result.exit_code, result.output) == (ExitCode.OK, "Quarantine is empty.\n")


def test_an_unknown_source_exits_with_2_and_names_a_similar_one(runner: CliRunner, tmp_path: Path) -> None:
    for command in ("replay", "list", "show"):
        result = runner.invoke(app, ["quarantine", command, "crm_custmer", "--data", str(tmp_path)])
        assert result.exit_code == ExitCode.USAGE
        assert "Did you mean crm_customer?" in result.output


def test_an_endpoint_that_does_not_answer_exits_with_3_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "landing" / "region").mkdir(parents=True)
    (tmp_path / "landing" / "region" / "region.csv").write_text("dong_code\n")
    done = _bojagi("run", "--engine", "sc://127.0.0.1:1", "--data", str(tmp_path))
    assert done.returncode == ExitCode.ENVIRONMENT
    assert "127.0.0.1:1" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_second_run_in_the_same_folder_exits_with_4_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "landing" / "region").mkdir(parents=True)
    (tmp_path / "landing" / "region" / "region.csv").write_text("dong_code\n")
    with run_lock(tmp_path):
        done = _bojagi("run", "--data", str(tmp_path))
    assert done.returncode == ExitCode.BUSY
    assert str(tmp_path) in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_ui_on_a_port_in_use_exits_with_2_and_names_it(runner: CliRunner, tmp_path: Path) -> None:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        result = runner.invoke(app, ["ui", "--port", str(port), "--data", str(tmp_path)])
    assert result.exit_code == ExitCode.USAGE
    assert str(port) in result.output
