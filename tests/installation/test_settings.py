import os
from pathlib import Path

import psutil
import pytest

from installation.contract.built_in import BUILT_IN
from installation.errors import SettingsError
from installation.settings import load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("BOJAGI_") and name != "BOJAGI_REQUIRE":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_lie_below_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.engine == "sail"
    assert settings.landing_dir == tmp_path / "data" / "landing"
    assert settings.lakehouse_root == str(tmp_path / "data" / "lakehouse")
    assert settings.contract_dirs == BUILT_IN
    assert settings.engine_memory == max(3_000_000_000, psutil.virtual_memory().total // 4)


def test_arguments_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bojagi.toml").write_text('engine = "spark"\nscale = 2\nseed = 5\ncontract_dirs = ["mine"]\n')
    monkeypatch.setenv("BOJAGI_SCALE", "3")
    monkeypatch.setenv("BOJAGI_SEED", "6")
    settings = load_settings(seed=7, engine=None)
    assert (settings.engine, settings.scale, settings.seed) == ("spark", 3, 7)
    assert settings.contract_dirs == (*BUILT_IN, tmp_path / "mine")


def test_a_variable_names_the_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text('data_dir = "elsewhere"\nlakehouse_root = "s3://bucket/lake/"\n')
    monkeypatch.setenv("BOJAGI_CONFIG", "other.toml")
    settings = load_settings()
    assert settings.landing_dir == tmp_path / "elsewhere" / "landing"
    assert settings.lakehouse_root == "s3://bucket/lake"


def test_the_file_of_the_machine_is_read_where_the_working_directory_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = tmp_path / "etc" / "bojagi.toml"
    machine.parent.mkdir()
    monkeypatch.setattr("installation.settings.MACHINE_CONFIG_FILE", machine)
    assert load_settings().data_dir == tmp_path / "data"
    machine.write_text('engine = "spark"\n')
    settings = load_settings()
    assert (settings.engine, settings.data_dir) == ("spark", Path("/var/lib/bojagi"))
    assert load_settings(data_dir=tmp_path / "other").data_dir == tmp_path / "other"
    machine.write_text('data_dir = "/srv/bojagi"\n')
    assert load_settings().data_dir == Path("/srv/bojagi")
    (tmp_path / "bojagi.toml").touch()
    assert load_settings().data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('enginee = "sail"', "unknown setting 'enginee'; did you mean 'engine'?"),
        ("zzz = 1", "unknown setting 'zzz'; known are alerts, anchor_archive"),
        ('engine = "flink"', "engine = 'flink'"),
        ("scale = 0", "scale = 0"),
        ('engine_memory = "lots"', "engine_memory = 'lots'"),
        ("scale = ", "not TOML"),
    ],
)
def test_a_faulty_settings_file_is_refused_with_the_reason(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "bojagi.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert expected in str(caught.value)
    assert "default factory" not in str(caught.value)


def test_an_unknown_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOJAGI_ENGIN", "spark")
    with pytest.raises(SettingsError, match="did you mean 'BOJAGI_ENGINE'"):
        load_settings()


def test_a_settings_file_that_is_named_and_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read the settings file"):
        load_settings(tmp_path / "none.toml")


# Their defaults are found when the settings are read.
_OF_THE_MACHINE = {"run_date", "contract_dirs", "prefer_hash_join", "engine_memory"}


def test_the_documented_example_is_what_the_code_reads(tmp_path: Path) -> None:
    from installation import settings

    example = (settings.__doc__ or "").split("```toml")[1].split("```")[0]
    (tmp_path / "bojagi.toml").write_text(example)
    documented = load_settings().model_dump(exclude=_OF_THE_MACHINE)
    (tmp_path / "bojagi.toml").unlink()
    assert documented == load_settings().model_dump(exclude=_OF_THE_MACHINE)


@pytest.mark.parametrize("name", ["BOJAGI_CONTRACT_DIRS", "BOJAGI_STORAGE_OPTIONS"])
def test_a_variable_that_is_not_json_where_a_list_or_table_is_expected_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "my/contracts")
    with pytest.raises(SettingsError, match=f"{name.removeprefix('BOJAGI_').lower()}.*given as JSON"):
        load_settings()


def test_a_password_is_read_from_a_private_file_only(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("s3cret word \n")
    path.chmod(0o600)
    given = {"shop": {"user": "reader", "password_file": str(path)}}
    credential = load_settings(source_credentials=given).source_credentials["shop"]
    assert credential.read_password() == "s3cret word "
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="can be read by other users; run chmod 600"):
        credential.read_password()
    path.unlink()
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        credential.read_password()


def test_credentials_come_from_the_environment_and_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOJAGI_SOURCE_CREDENTIALS", '{"shop": {"user": "reader", "password": "s3cret"}}')
    settings = load_settings()
    assert settings.source_credentials["shop"].read_password() == "s3cret"
    assert "s3cret" not in repr(settings)
    for wrong in (
        '{"shop": {"user": "reader", "pasword": "s3cret"}}',
        '{"shop": "s3cret"}',
        '{"shop": {"password": ["s3cret"]}}',
    ):
        monkeypatch.setenv("BOJAGI_SOURCE_CREDENTIALS", wrong)
        with pytest.raises(SettingsError, match=r"source_credentials\.shop") as refused:
            load_settings()
        assert "s3cret" not in str(refused.value)
