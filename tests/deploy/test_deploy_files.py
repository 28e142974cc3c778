"""The files for containers and systemd pass the linters of their kinds, and agree with the installed versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyspark
import pytest
import yaml

from pipelines.engine.spark_jvm import DELTA_PACKAGE
from tests.engines import require_or_skip

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PRIVATE = {"bojagi.toml", "database", "login.env", "redis", "redis.env", "s3.env"}
MOST_EXPOSURE = 20
"""In tenths of the points of `systemd-analyze security`, of which 100 are full exposure."""


def program(name: str) -> str:
    """Return the path of a linter, in the environment or on the machine; skip the test without it."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        require_or_skip("deploy", f"{name} is not installed")
    return str(found)


def lint(*command: str | Path) -> subprocess.CompletedProcess[str]:
    name, *arguments = map(str, command)
    return subprocess.run([program(name), *arguments], capture_output=True, text=True, check=False)


def lint_image(path: Path) -> subprocess.CompletedProcess[str]:
    return lint("hadolint", path)


def lint_compose(path: Path) -> subprocess.CompletedProcess[str]:
    return lint("check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


def lint_script(path: Path) -> subprocess.CompletedProcess[str]:
    return lint("shellcheck", path)


@pytest.mark.parametrize(
    ("check", "name", "right", "wrong"),
    [
        (lint_image, "Containerfile", "pip install --no-cache-dir uv==0.13.9", "pip install uv"),
        (lint_compose, "compose.yaml", "init: true", "inti: true"),
        (lint_script, "prepare.sh", 'chown "$owner" "$folder"', "chown $owner $folder"),
    ],
)
def test_a_file_passes_its_linter_which_finds_a_planted_fault(
    check: Callable[[Path], subprocess.CompletedProcess[str]], name: str, right: str, wrong: str, tmp_path: Path
) -> None:
    passed = check(DEPLOY / name)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    text = (DEPLOY / name).read_text()
    assert right in text
    (tmp_path / name).write_text(text.replace(right, wrong))
    assert check(tmp_path / name).returncode != 0


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_of_systemd_is_valid_and_hardened(unit: Path, tmp_path: Path) -> None:
    def verify(text: str) -> str:
        # systemd wants the program of a unit to be there.
        (tmp_path / unit.name).write_text(text.replace("/opt/bojagi/bin/bojagi", "/bin/true"))
        found = lint("systemd-analyze", "verify", "--man=no", tmp_path / unit.name)
        return found.stdout + found.stderr

    def is_hardened(text: str) -> bool:
        (tmp_path / unit.name).write_text(text)
        limit = f"--threshold={MOST_EXPOSURE}"
        return lint("systemd-analyze", "security", "--offline=true", limit, tmp_path / unit.name).returncode == 0

    text = unit.read_text()
    assert unit.name not in verify(text)
    assert "NoNewPrivilege" in verify(text.replace("NoNewPrivileges=", "NoNewPrivilege="))
    assert is_hardened(text)
    assert not is_hardened(text.replace("ProtectSystem=strict\n", "").replace("CapabilityBoundingSet=\n", ""))


def test_a_unit_may_write_to_the_folders_of_its_settings_only() -> None:
    folders = tomllib.loads((DEPLOY / "systemd" / "bojagi.toml").read_text())
    for unit in UNITS:
        (named,) = re.findall(r"^StateDirectory=(.*)$", unit.read_text(), re.MULTILINE)
        assert {f"/var/lib/{name}" for name in named.split()} == {folders["data_dir"], folders["secret_dir"]}


def services() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"])


def test_every_image_names_a_version() -> None:
    images = {service["image"] for service in services().values()} - {"${BOJAGI_IMAGE:-bojagi:latest}"}
    assert [image for image in images if not re.fullmatch(r"[\w./-]+:v?\d[\w.-]+", image)] == []


def test_only_the_proxy_has_a_port_on_the_host_and_stores_have_no_way_out() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    assert compose["networks"]["inside"] == {"internal": True}
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    for store in ("postgres", "redis", "s3"):
        assert compose["services"][store]["networks"] == ["inside"]
    for behind in ("serve", "ui", "login"):
        assert compose["services"][behind]["network_mode"] == "service:proxy"


def test_the_spark_server_has_the_versions_of_the_client() -> None:
    spark, jars = services()["spark"], Path(pyspark.__file__).parent / "jars"
    assert spark["image"].startswith(f"apache/spark:{version('pyspark')}-")
    (hadoop,) = (path.stem.removeprefix("hadoop-client-api-") for path in jars.glob("hadoop-client-api-*.jar"))
    assert f"--packages={DELTA_PACKAGE},org.apache.hadoop:hadoop-aws:{hadoop}" in spark["command"]


def test_the_image_has_the_extras_of_the_project_and_the_uv_of_the_makefile() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"--extra (\S+)", text)) <= set(extras)
    (uv,) = re.findall(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"uv=={uv} " in text


def test_prepare_makes_private_files_once(tmp_path: Path) -> None:
    def prepare() -> dict[str, str]:
        folder = tmp_path / "secret"
        variables = os.environ | {"SECRET_DIR": str(folder), "BOJAGI_UID": str(os.getuid())}
        subprocess.run(["sh", str(DEPLOY / "prepare.sh")], env=variables, check=True, capture_output=True)
        assert {path.name for path in folder.iterdir()} == PRIVATE
        assert {oct(path.stat().st_mode) for path in folder.iterdir()} == {"0o100400"}
        return {path.name: path.read_text() for path in folder.iterdir()}

    made = prepare()
    assert prepare() == made
    (password,) = re.findall(r":(\w{64})@", made["redis"])
    assert password in made["redis.env"]
    assert made["database"] != password
    keys = tomllib.loads(made["bojagi.toml"])["storage_options"]
    assert keys["aws_secret_access_key"] in made["s3.env"]
