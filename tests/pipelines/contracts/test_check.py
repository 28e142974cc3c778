"""A sound example with one line changed gives exactly that fault, at that line; one case a kind of fault."""

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
    """Replace `old`, which stands once, by `new`; expect a fault with this text at the marked line.

    By default `at` is the first line of `new`. `also` lists the faults that follow from the first.
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
    assert text.count(case.old) == 1, f"{case.old!r} stands {text.count(case.old)} times"
    broken = text.replace(case.old, case.new)
    path.write_text(broken, "utf-8")
    mark = case.at or case.new.splitlines()[0]
    line = broken[: broken.index(mark) + len(mark) - len(mark.lstrip())].count("\n") + 1
    return check_contracts([folder]), line


def load_cases() -> dict[str, Break]:
    groups = yaml.safe_load((HERE / "fault_case.yaml").read_text("utf-8"))
    return {name: Break(**case) for group in groups.values() for name, case in group.items()}


CASES = load_cases()


def test_the_examples_are_sound() -> None:
    result = check_contracts([EXAMPLE])
    assert result.faults == ()
    assert len(result.documents) == 3
    result.raise_for_faults()


@pytest.mark.parametrize("name", CASES)
def test_each_fault_is_found_at_its_line(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    result, line = check_broken(tmp_path, case)
    found = [f"{fault.path.name}:{fault.line}: {fault.message}" for fault in result.faults]
    expected = [
        fault for fault in found if fault.startswith(f"{case.file}:{line}: ") and case.message in fault
    ]
    assert len(expected) == 1, (found, line)
    others = [fault for fault in found if fault not in expected]
    assert len(others) == len(case.also), others
    assert all(any(text in fault for fault in others) for text in case.also), others


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    member, store = tmp_path / MEMBER, tmp_path / STORE
    member.write_text(
        member.read_text("utf-8").replace("pd:Preference", "pd:X").replace("maximum: 400", "maximum: -4")
    )
    store.write_text(store.read_text("utf-8").replace("value: trim", "value: tidy"))
    messages = [fault.message for fault in check_contracts([tmp_path]).faults]
    assert messages == [
        "Property 'dataCategory' has a wrong value",
        "Column 'visits': the minimum exceeds the maximum",
        "Property 'standardise' has a wrong value",
    ]


def test_one_id_in_two_files_is_a_fault(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    result = check_contracts([EXAMPLE, tmp_path])
    assert {fault.message for fault in result.faults} == {
        "Contract 'source.member' stands twice",
        "Contract 'source.store' stands twice",
        "Contract 'gold.member_profile' stands twice",
    }


def test_a_file_that_would_be_passed_over_is_a_fault(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path, dirs_exist_ok=True)
    (tmp_path / "source_visit.yaml").write_text("kind: DataContract", "utf-8")
    assert [fault.message for fault in check_contracts([tmp_path]).faults] == [
        "A YAML file that is no contract by its name"
    ]


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"\xff\xfe\x00", b"a: &x [*x]\n"])
def test_a_file_that_is_no_contract_is_a_fault(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "source_x.odcs.yaml").write_bytes(content)
    result = check_contracts([tmp_path])
    assert len(result.faults) == 1


def test_a_fault_reads_as_file_line_message(tmp_path: Path) -> None:
    result, line = check_broken(tmp_path, CASES["unknown category"])
    assert str(result.faults[0]) == (
        f"{tmp_path / MEMBER}:{line}: Property 'dataCategory' has a wrong value (got: 'pd:Preferences'; "
        "expected: a term of the vocabulary's categories; hint: did you mean pd:Preference?)"
    )
