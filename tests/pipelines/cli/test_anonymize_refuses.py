"""Bad input to `bojagi anonymize` gives an exit code and a next step, and leaves no file and no personal value."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.cli.app import app
from tests.privacy.anonymity.random_release import random_table

SPEC = """
columns:
  region: {role: quasi}
  sex: {role: quasi}
  age: {role: quasi, is_ordered: true}
  illness: {role: sensitive}
models: [{name: k_anonymity, k: 4}]
effort: 1
"""
SECRETS = ("kim17@", "called about", "broken", "ä")
"""Values of the tables below that no message may show."""


def tree(*rows: str) -> dict[str, str | bytes]:
    return {"tree.csv": "\n".join(rows) + "\n"}


USE_TREE = SPEC.replace("region: {role: quasi}", "region: {role: quasi, hierarchy: {kind: file, file: tree.csv}}")
WITH = "region: {role: quasi}"
CASES: dict[str, tuple[str, dict[str, str | bytes], int, str]] = {
    "k larger than the table": (SPEC.replace("k: 4", "k: 61"), {}, 6, "lower k or add people"),
    "values missing from a hierarchy": (USE_TREE, tree("a;x;*"), 2, "are not in its hierarchy; add them"),
    "cyclic": (USE_TREE, tree(*(f"{v};a;*" for v in "bcdefgh"), "a;b;*"), 2, "is cyclic"),
    "two parents": (USE_TREE, tree("a;x;1;*", "b;x;2;*"), 2, "two parents"),
    "empty hierarchy": (USE_TREE, {"tree.csv": ""}, 2, "is empty; give at least one value"),
    "hierarchy in Latin-1": (USE_TREE, {"tree.csv": "ä;*".encode("latin-1")}, 2, "not a CSV in UTF-8; convert it"),
    "no such hierarchy": (USE_TREE, {}, 2, "paths are relative to the specification"),
    "width of nothing": (
        SPEC.replace("is_ordered: true", "hierarchy: {kind: intervals, widths: [0]}"),
        {},
        2,
        "needs `widths` above 0",
    ),
    "nulls only": (SPEC.replace(WITH, "nothing: {role: quasi}"), {}, 2, "holds only nulls; leave it out"),
    "identifier as insensitive": (SPEC.replace(WITH, WITH + "\n  mail: {role: insensitive}"), {}, 2, "make it `ident"),
    "free text": (SPEC.replace(WITH, WITH + "\n  note: {role: insensitive}"), {}, 2, "holds free text; make it"),
    "unknown column": (SPEC.replace("illness:", "ilness:"), {}, 2, "did you mean ['illness']?"),
    "unknown column left out": (SPEC.replace(WITH, WITH + "\n  pass: {role: identifying}"), {}, 2, "lacks columns"),
    "unknown person": (SPEC + "person: nobody\n", {}, 2, "lacks columns ['nobody']"),
    "unknown field": (SPEC + "nonsense: 1\n", {}, 2, "nonsense: Extra inputs"),
    "no YAML": ("columns: [1, 2\nmodels: }", {}, 2, "is not YAML"),
    "binary": ("\x00\xff", {}, 2, "is not YAML"),
    "a list": ("- a\n", {}, 2, "expected `columns` and `models`"),
    "target too small to learn": (SPEC + "target: illness\n", {"people.csv": "few"}, 2, "cannot be learnt"),
    "empty table": (SPEC, {"people.csv": "region,sex,age,illness\n"}, 2, "has no rows"),
    "empty file": (SPEC, {"people.csv": ""}, 2, "is empty; expected a line of column names"),
    "no header": (SPEC, {"people.csv": "kim17@example.com,f,31,flu\n"}, 2, "check names, header and delimiter"),
    "lines too long": (SPEC, {"people.csv": "region,sex\na,f\na,f,kim17@example.com\n"}, 2, "check --delimiter"),
    "Latin-1": (SPEC, {"people.csv": "region\nä\n".encode("latin-1")}, 2, "is not a CSV in UTF-8; convert it"),
}


def run(folder: Path, spec: str, files: dict[str, str | bytes], *more: str) -> tuple[Result, set[str]]:
    """The command's result, and the files that it left behind."""
    table = random_table(4, rows=60)
    table["mail"] = [f"kim{i}@example.com" for i in range(60)]
    table["note"] = [f"customer {i} called about a parcel that was late and broken" for i in range(60)]
    table.assign(nothing=None).to_csv(folder / "people.csv", index=False)
    if files.get("people.csv") == "few":
        table.head(30).to_csv(folder / "people.csv", index=False)
        files = {}
    (folder / "spec.yaml").write_bytes(spec.encode("latin-1"))
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = {str(path) for path in folder.rglob("*")}
    paths = ["--input", str(folder / "people.csv"), "--output", str(folder / "made" / "out.csv")]
    command = ["anonymize", str(folder / "spec.yaml"), *paths, "--report", str(folder / "report"), *more]
    result = CliRunner().invoke(app, command)
    return result, {str(path) for path in folder.rglob("*")} - before


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_refused(tmp_path: Path, name: str) -> None:
    spec, files, code, message = CASES[name]
    result, left = run(tmp_path, spec, files)
    assert result.exit_code == code, result.output
    assert message in " ".join(result.output.split())
    assert not left
    assert not any(secret in result.output for secret in SECRETS)


def test_good_input_leaves_its_files(tmp_path: Path) -> None:
    """Negative control: the same table and specification, nothing wrong."""
    result, left = run(tmp_path, SPEC, {})
    assert result.exit_code == 0, result.output
    assert {Path(path).name for path in left} == {"made", "out.csv", "report", "report.html", "report.json"}


@pytest.mark.parametrize(
    ("output", "message"),
    [("out.txt", "neither .csv nor .parquet"), ("people.csv", "is the input"), (".", "is a folder")],
)
def test_an_unusable_output_path_is_refused_before_the_search(tmp_path: Path, output: str, message: str) -> None:
    folder = tmp_path / "x.csv"
    folder.mkdir()
    result, left = run(folder, SPEC, {}, "--output", str(folder / output))
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not left


@pytest.mark.parametrize("content", [b"no parquet", b""])
def test_a_damaged_parquet_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "people.parquet").write_bytes(content)
    result, left = run(tmp_path, SPEC, {}, "--input", str(tmp_path / "people.parquet"))
    assert result.exit_code == 2
    assert "cannot be read as a Parquet file" in " ".join(result.output.split())
    assert not left
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("x", encoding="utf-8")
    folder, _ = run(tmp_path, SPEC, {}, "--input", str(tmp_path / "folder"))
    assert folder.exit_code == 2
    assert "the folder of a Delta table or of Parquet files" in " ".join(folder.output.split())
