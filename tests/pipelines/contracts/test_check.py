"""A sound example with one line changed gives exactly that fault, at that line; one case a kind of fault."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines.contracts.check import CheckResult, check_contracts

EXAMPLE = Path(__file__).parent / "example"
MEMBER = "source_member.odcs.yaml"
STORE = "source_store.odcs.yaml"
GOLD = "gold_member_profile.odcs.yaml"
CATEGORY = (
    "        customProperties:\n          - {property: dataCategory, value: pd:Preference, vendor: bojagi}\n"
)
SERVERS = """servers:
  - server: landing
    type: local
    path: store/*.csv
    format: csv
    encoding: CP949
    customProperties:
      - {property: delimiter, value: ";", vendor: bojagi}
"""
QUASI = "          - {property: identifierRole, value: quasi, vendor: bojagi}\n"
ARTICLE = (
    '      - {property: legalArticle, value: "E-Commerce Consumer Protection Act, art. 6", vendor: bojagi}\n'
)


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


STRUCTURE = {
    "unknown key of the document": Break(MEMBER, "status: active", "state: active", "Unknown key 'state'"),
    "unknown key of a column": Break(
        MEMBER,
        "        description: Name as registered.",
        "        describe: Name.",
        "Unknown key 'describe'",
    ),
    "unknown key of a server": Break(
        MEMBER, "    format: csv", "    formats: csv", "Unknown key 'formats'", also=("Not valid ODCS v3.2",)
    ),
    "wrong type": Break(MEMBER, "required: true", "required: perhaps", "Value should be a valid boolean"),
    "key twice": Break(
        MEMBER,
        "status: active",
        "status: active\nstatus: draft",
        "Key 'status' stands twice",
        at="status: draft",
    ),
    "no YAML": Break(MEMBER, "  name: crm", "  name: [crm", "Not valid YAML", at="servers:"),
    "value outside the standard": Break(
        MEMBER, "kind: DataContract", "kind: Contract", "Not a contract of ODCS v3"
    ),
    "two tables": Break(
        MEMBER, "schema:\n", "schema:\n  - name: other\n", "A contract describes one table", at="schema:"
    ),
    "unknown format": Break(
        MEMBER, "    format: csv", "    format: xlsx", "The file format is incomplete", at="- server: landing"
    ),
    "unknown encoding": Break(MEMBER, "UTF-8-BOM", "UTF-9", "Unknown encoding", at="encoding: UTF-9"),
    "no file": Break(
        STORE,
        "    type: local\n    path: store/*.csv",
        "    type: local",
        "The file format is incomplete",
        at="- server: landing",
    ),
    "retention without a unit": Break(
        MEMBER,
        "value: 2, unit: y",
        "value: 2, unit: eons",
        "SLA 'retention' is unusable",
        also=("no retention",),
    ),
    "type that does not fit": Break(
        GOLD, "physicalType: decimal(18,2)", "physicalType: string", "physicalType does not fit logicalType"
    ),
    "unknown type": Break(
        GOLD, "physicalType: decimal(18,2)", "physicalType: money", "has an unknown physicalType"
    ),
    "bound of another type": Break(
        STORE, '"1970-01-01"', "1970-01-01", "The minimum has a wrong type", at="minimum: 1970"
    ),
    "bound that is no date": Break(STORE, "1970-01-01", "1970-13-01", "The minimum is no date", at="1970-13"),
    "option that nothing enforces": Break(
        MEMBER,
        "minimum: 0,",
        "multipleOf: 1,",
        "option 'multipleOf' is not enforced",
        at="logicalTypeOptions: {mul",
    ),
    "enum of another type": Break(STORE, "value: express", "value: 3", "an enum value has a wrong type"),
}

VOCABULARY = {
    "unknown Bojagi property": Break(
        MEMBER, "property: token", "property: tokens", "Unknown Bojagi property 'tokens'"
    ),
    "property twice": Break(
        MEMBER,
        "          - {property: token, value: member_no, vendor: bojagi}",
        "          - {property: identifierRole, value: quasi, vendor: bojagi}",
        "Property 'identifierRole' stands twice",
    ),
    "no vendor": Break(
        MEMBER,
        "value: member_no, vendor: bojagi}\n      - {property: touchpoint",
        "value: member_no}\n      - {property: touchpoint",
        "Property 'subjectKey' names no vendor",
        at="- {property: subjectKey",
        also=("has no subjectKey", "The touchpoint is incomplete"),
    ),
    "unknown category": Break(
        MEMBER, "pd:Preference", "pd:Preferences", "Property 'dataCategory' has a wrong value"
    ),
    "no category": Break(
        MEMBER,
        CATEGORY,
        "",
        "Bojagi property 'dataCategory' is missing",
        at="- name: home_store_id",
    ),
    "unknown role": Break(
        MEMBER,
        "identifierRole, value: sensitive",
        "identifierRole, value: secret",
        "'identifierRole' has a wrong",
        also=("is not marked as sensitive",),
    ),
    "unknown purpose": Break(
        GOLD, "value: [analytics]", "value: [analysis]", "Property 'purpose' has a wrong value"
    ),
    "purpose that is no list": Break(
        GOLD, "value: [analytics]", "value: analytics", "Property 'purpose' has a wrong value"
    ),
    "unknown token": Break(
        MEMBER, "token, value: member_no", "token, value: member", "'token' has a wrong value"
    ),
    "unknown rule": Break(STORE, "value: trim", "value: tidy", "Property 'standardise' has a wrong value"),
    "unit without options": Break(
        STORE, "value: trim", "value: {rule: unit, from: g}", "Property 'standardise' has a wrong value"
    ),
    "unknown option of unit": Break(
        STORE, "value: trim", "value: {rule: unit, form: g}", "Unknown key 'form' in property 'standardise'"
    ),
    "unknown method": Break(MEMBER, "method: median", "method: mean", "Property 'impute' has a wrong value"),
    "constant without a value": Break(
        MEMBER, "method: median", "method: constant", "'impute' is incomplete", at="- name: visits"
    ),
    "unknown touchpoint key": Break(
        MEMBER,
        "eventType: join",
        "event_type: join",
        "Unknown key 'event_type' in property 'touchpoint'",
        also=("has a touchpointRole",),
    ),
    "unknown basis": Break(
        MEMBER, "legalBasis, value: contract", "legalBasis, value: habit", "'legalBasis' has a wrong"
    ),
    "unknown layer": Break(GOLD, "value: gold", "value: golden", "Property 'layer' has a wrong value"),
}

RULES = {
    "id of another table": Break(
        MEMBER, "id: source.member", "id: source.members", "The id does not name layer"
    ),
    "no grain": Break(
        STORE,
        "    dataGranularityDescription: One row a store.\n",
        "",
        "no dataGranularity",
        at="- name: store\n",
    ),
    "no description": Break(
        MEMBER,
        "        description: Name as registered.\n",
        "",
        "Column 'name' has no description",
        at="- name: name",
    ),
    "name that is not plain": Break(
        MEMBER, "- name: visits", "- name: Visits", "A column's name is not snake_case"
    ),
    "header of two columns": Break(
        STORE,
        "synonym: 유형",
        "synonym: 개점일",
        "Header '개점일' belongs to column 'store_type' already",
        at="- name: opened_on",
    ),
    "minimum above maximum": Break(
        MEMBER, "maximum: 400", "maximum: -4", "the minimum exceeds the maximum", at="- name: visits"
    ),
    "no primary key": Break(
        GOLD,
        "        primaryKey: true\n        primaryKeyPosition: 1\n",
        "",
        "The table has no primary key",
        at="- name: member_profile",
    ),
    "gold with files": Break(
        GOLD,
        "team:\n",
        "servers:\n  - {server: x, type: local, path: x, format: csv}\nteam:\n",
        "Only a source has files",
    ),
    "no files": Break(
        STORE,
        SERVERS,
        "",
        "A source does not say how its files look",
        at="- name: store\n",
    ),
    "subject that is no column": Break(
        MEMBER, "subjectKey, value: member_no", "subjectKey, value: member", "subjectKey names no column"
    ),
    "no subject": Break(
        GOLD,
        "      - {property: subjectKey, value: customer_id, vendor: bojagi}\n",
        "",
        "has no subjectKey",
        at="- name: member_profile",
    ),
    "no retention": Break(
        GOLD,
        "property: retention, ",
        "property: availability, ",
        "has no retention",
        at="- name: member_profile",
    ),
    "retention from a text": Break(
        MEMBER,
        "value: 2, unit: y}",
        "value: 2, unit: y, element: name}",
        "Retention counts from what is no time",
    ),
    "no reason for retention": Break(
        GOLD,
        "      - {property: retentionBasis, value: Recomputed every day., vendor: bojagi}\n",
        "",
        "has no retentionBasis",
        at="- name: member_profile",
    ),
    "no recipients": Break(
        GOLD,
        "roles:\n  - {role: analyst, access: read}\n",
        "",
        "names no recipients",
        at="- name: member_profile",
    ),
    "name that is not marked": Break(
        MEMBER,
        "pd:Name, vendor: bojagi}\n          - {property: identifierRole, value: direct, vendor: bojagi}",
        "pd:Name, vendor: bojagi}",
        "is not marked as an identifier",
        at="- name: name\n",
    ),
    "direct identifier in gold": Break(
        GOLD,
        "value: dpv:PseudonymisedData, vendor: bojagi}",
        "value: dpv:PseudonymisedData, vendor: bojagi}\n"
        "          - {property: identifierRole, value: direct, vendor: bojagi}",
        "is a direct identifier in gold",
        at="- name: customer_id",
    ),
    "role of what is not personal": Break(
        STORE,
        "          - {property: standardise",
        QUASI + "          - {property: standardise",
        "has a role but a category that is not personal",
        at="- name: store_type",
    ),
    "token outside bronze": Break(
        GOLD,
        "value: dpv:PseudonymisedData, vendor: bojagi}",
        "value: dpv:PseudonymisedData, vendor: bojagi}\n"
        "          - {property: identifierRole, value: quasi, vendor: bojagi}\n"
        "          - {property: token, value: member_no, vendor: bojagi}",
        "tokens are made in bronze only",
        at="- name: customer_id",
    ),
    "health that is not sensitive": Break(
        MEMBER,
        "          - {property: identifierRole, value: sensitive, vendor: bojagi}\n",
        "",
        "is not marked as sensitive",
        at="- name: diet",
    ),
    "sensitive without purposes": Break(
        MEMBER,
        "          - {property: purpose, value: [service_delivery], vendor: bojagi}\n",
        "",
        "does not name its purposes",
        at="- name: diet",
    ),
    "purpose beyond the table": Break(
        MEMBER,
        "value: [service_delivery], v",
        "value: [research], v",
        "serves a purpose that",
        at="- name: diet",
    ),
    "marketing by contract": Break(
        MEMBER,
        "legalBasis, value: contract",
        "legalBasis, value: {marketing: contract}",
        "Purpose 'marketing' cannot rest on contract",
    ),
    "duty without a law": Break(
        MEMBER,
        ARTICLE,
        "",
        "A legal duty does not name its law",
        at="- {property: legalBasis",
    ),
    "touchpoint without time": Break(
        MEMBER,
        "          - {property: touchpointRole, value: event_time, vendor: bojagi}\n",
        "",
        "The touchpoint is incomplete",
        at="- {property: touchpoint,",
    ),
    "touchpoint without channel": Break(
        MEMBER, "{channel: store, ", "{", "The touchpoint is incomplete", at="- {property: touchpoint,"
    ),
    "role without touchpoint": Break(
        GOLD,
        "value: pd:PurchasesAndSpendingHabit, vendor: bojagi}",
        "value: pd:PurchasesAndSpendingHabit, vendor: bojagi}\n"
        "          - {property: touchpointRole, value: amount, vendor: bojagi}",
        "has a touchpointRole but the table is no touchpoint",
        at="- name: monthly_spend",
    ),
    "time that is a text": Break(
        MEMBER,
        "logicalType: timestamp\n        logicalTypeOptions: {format: yyyy-MM-dd HH:mm:ss}",
        "logicalType: string",
        "cannot be event_time",
        at="- name: joined_at",
    ),
    "median of a text": Break(
        MEMBER,
        "logicalType: integer\n        logicalTypeOptions: {minimum: 0, maximum: 400}",
        "logicalType: string",
        "has no median",
        at="- name: visits",
    ),
    "reference to no table": Break(
        MEMBER,
        "to: source.store.store_id",
        "to: source.shop.store_id",
        "A relationship points at no contract",
    ),
    "reference to no column": Break(
        MEMBER, "to: source.store.store_id", "to: source.store.store_no", "A relationship points at no column"
    ),
    "reference of another type": Break(
        MEMBER, "to: source.store.store_id", "to: source.store.store_type", "joins columns of different types"
    ),
}


def test_the_examples_are_sound() -> None:
    result = check_contracts([EXAMPLE])
    assert result.faults == ()
    assert len(result.documents) == 3
    result.raise_for_faults()


@pytest.mark.parametrize("name", [*STRUCTURE, *VOCABULARY, *RULES])
def test_each_fault_is_found_at_its_line(name: str, tmp_path: Path) -> None:
    case = {**STRUCTURE, **VOCABULARY, **RULES}[name]
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


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"\xff\xfe\x00", b"a: &x [*x]\n"])
def test_a_file_that_is_no_contract_is_a_fault(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "source_x.odcs.yaml").write_bytes(content)
    result = check_contracts([tmp_path])
    assert len(result.faults) == 1


def test_a_fault_reads_as_file_line_message(tmp_path: Path) -> None:
    result, line = check_broken(tmp_path, VOCABULARY["unknown category"])
    assert str(result.faults[0]) == (
        f"{tmp_path / MEMBER}:{line}: Property 'dataCategory' has a wrong value (got: 'pd:Preferences'; "
        "expected: a term of the vocabulary's categories; hint: did you mean pd:Preference?)"
    )
