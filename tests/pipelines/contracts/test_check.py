"""A valid example with one line changed gives exactly that fault, at that line; one case per kind of fault."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from pipelines.contracts.check import CheckResult, check_contracts

HERE = Path(__file__).parent
EXAMPLE = HERE / "example"
MEMBER = "source_member.odcs.yaml"
STORE = "source_store.odcs.yaml"


@dataclass(frozen=True)
class Break:
    """Replaces `old`, which must occur once, by `new`; expects a fault with this message at the line of `at`.

    `at` defaults to the first line of `new`. `also` lists the faults that follow from the first.
    """

    file: str
    old: str
    new: str
    message: str
    at: str = ""
    also: tuple[str, ...] = ()


def check_broken(folder: Path, case: Break) -> tuple[CheckResult, int]:
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    path = folder / case.file
    text = path.read_text("utf-8")
    assert text.count(case.old) == 1, f"{case.old!r} occurs {text.count(case.old)} times"
    broken = text.replace(case.old, case.new)
    path.write_text(broken, "utf-8")
    mark = case.at or case.new.splitlines()[0]
    line = broken[: broken.index(mark) + len(mark) - len(mark.lstrip())].count("\n") + 1
    return check_contracts([folder]), line


def load_cases() -> dict[str, Break]:
    groups = yaml.safe_load((HERE / "fault_case.yaml").read_text("utf-8"))
    return {name: Break(**case) for group in groups.values() for name, case in group.items()}


CASES = load_cases()


def test_the_unchanged_examples_have_no_fault() -> None:
    result = check_contracts([EXAMPLE])
    assert result.faults == ()
    assert len(result.documents) == 3
    result.raise_for_faults()


@pytest.mark.parametrize("name", CASES)
def test_each_fault_is_reported_at_its_line(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    result, line = check_broken(tmp_path, case)
    found = [f"{fault.path.name}:{fault.line}: {fault.message}" for fault in result.faults]
    expected = [fault for fault in found if fault.startswith(f"{case.file}:{line}: ") and case.message in fault]
    assert len(expected) == 1, (found, line)
    others = [fault for fault in found if fault not in expected]
    assert len(others) == len(case.also), others
    assert all(any(text in fault for fault in others) for text in case.also), others


def test_one_check_reports_all_faults(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    member, store = tmp_path / MEMBER, tmp_path / STORE
    member.write_text(member.read_text("utf-8").replace("pd:Preference", "pd:X").replace("maximum: 400", "maximum: -4"))
    store.write_text(store.read_text("utf-8").replace("value: trim", "value: tidy"))
    messages = [fault.message for fault in check_contracts([tmp_path]).faults]
    assert messages == [
        "Property 'dataCategory' has an invalid value",
        "Column 'visits': the minimum exceeds the maximum",
        "Property 'standardise' has an invalid value",
    ]


def test_the_same_contract_id_in_two_files_is_reported(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    result = check_contracts([EXAMPLE, tmp_path])
    assert {fault.message for fault in result.faults} == {
        "Contract 'source.member' is declared twice",
        "Contract 'source.store' is declared twice",
        "Contract 'gold.member_profile' is declared twice",
    }


def test_a_yaml_file_with_another_name_is_reported(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "source_visit.yaml").write_text("kind: DataContract", "utf-8")
    assert [fault.message for fault in check_contracts([tmp_path]).faults] == [
        "This YAML file is not read, because its name is not that of a contract"
    ]


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"\xff\xfe\x00", b"a: &x [*x]\n"])
def test_a_file_that_is_not_a_contract_is_reported_once(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "source_x.odcs.yaml").write_bytes(content)
    result = check_contracts([tmp_path])
    assert len(result.faults) == 1


def test_a_fault_is_printed_as_file_line_message_and_hint(tmp_path: Path) -> None:
    result, line = check_broken(tmp_path, CASES["unknown category"])
    assert str(result.faults[0]) == (
        f"{tmp_path / MEMBER}:{line}: Property 'dataCategory' has an invalid value (got: 'pd:Preferences'; "
        "expected: a term of categories (list: bojagi contracts vocabulary); hint: did you mean pd:Preference?)"
    )
