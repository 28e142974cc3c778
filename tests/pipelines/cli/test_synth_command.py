"""`bojagi synth` on a file of one's own: preview, fit, sample, list and report, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipelines.cli.app import app
from tests.pipelines.synthetic.own_file import ACCOUNT, SPEC, write_people


class Synth:
    """The command on one data folder, with a specification and a file of people."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, write_people(folder / "people.csv")
        (folder / "people.yaml").write_text(SPEC)

    def __call__(self, *arguments: str) -> Any:
        return CliRunner().invoke(app, [*arguments, "--data", str(self.folder / "data")])

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    @property
    def input(self) -> list[str]:
        return [str(self.folder / "people.yaml"), "--input", str(self.file)]


@pytest.fixture(scope="module")
def synth(tmp_path_factory: pytest.TempPathFactory) -> Synth:
    return Synth(tmp_path_factory.mktemp("synth"))


def test_a_file_is_previewed_fitted_sampled_listed_and_reported(synth: Synth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("privacy.synthetic.evaluation.evaluate.table_scores", lambda *_: [])
    preview = synth.json("synth", "fit", *synth.input, "--preview")
    assert preview["account"] == ACCOUNT
    assert preview["rho_left"] == {}
    assert preview["seconds"] > 0
    refused = synth("synth", "fit", *synth.input)
    assert refused.exit_code == 6
    assert f"bojagi dp budget '{ACCOUNT}' --set ever=" in refused.stderr
    synth.json("dp", "budget", ACCOUNT, "--set", f"ever={preview['rho'] * 1.01}")
    fitted = synth.json("synth", "fit", *synth.input)
    assert fitted["epsilon"] <= 4
    assert not fitted["is_stored"]
    assert 500 < fitted["rows"] < 800
    assert synth.json("synth", "fit", *synth.input)["is_stored"]

    output = synth.folder / "rows.parquet"
    drawn = f"synth sample people --rows 250000 --given sex=F --seed 7 --output {output}".split()
    assert synth.json(*drawn) == {"seed": 7, "rows": {str(output): 250_000}}
    rows = pq.read_table(output)
    assert rows.column_names == ["age", "sex", "smokes"]
    assert rows["sex"].unique().to_pylist() == ["F"]
    synth.json(*drawn)
    assert pq.read_table(output).equals(rows)

    assert [one["name"] for one in synth.json("synth", "list")] == ["people"]
    report = synth.json("synth", "report", "people", "--output", str(synth.folder / "report"))
    assert report["gate"]["is_open"]
    assert "not differentially private" in (synth.folder / "report" / "report.html").read_text()
    twice = synth("synth", "sample", "people", "--given", "sex=F", "--given", "sex=M", "--output", str(output))
    assert (twice.exit_code, "names sex twice" in twice.stderr) == (2, True)
    refused = synth("synth", "sample", "people", "--given", "sex=X", "--output", str(output))
    assert refused.exit_code == 2
    assert "sex has no value 'X'" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("synth", "sample", "nobody", "--output", "rows.csv"), "there is no model nobody"),
        (("synth", "publish", "nobody"), "choose from synthetic_customer, synthetic_purchase"),
        (("synth", "fit", "SPEC"), "--input is missing"),
        (("synth", "fit", "SPEC", "--input", "FILE", "--events", "FILE"), "has no events: leave out --events"),
        (("synth", "fit", "SPEC", "--input", "FILE", "--name", "../x"), "cannot be a folder's name"),
        (
            ("synth", "sdv", "SPEC", "--input", "FILE", "--output", "r.csv", "--method", "hma"),
            "does not learn one table",
        ),
    ],
)
def test_a_command_line_that_does_not_fit_is_refused_with_the_next_step(
    synth: Synth, arguments: tuple[str, ...], reason: str
) -> None:
    names = {"SPEC": str(synth.folder / "people.yaml"), "FILE": str(synth.file)}
    done = synth(*(names.get(one, one) for one in arguments))
    assert done.exit_code == 2
    assert reason in done.stderr


def test_the_help_of_sdv_names_its_extra(synth: Synth) -> None:
    assert "bojagi[sdv]" in synth("synth", "sdv", "--help").stdout
