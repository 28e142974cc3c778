"""The pages and their roles: known roles with known purposes, the same as the documentation says."""

from __future__ import annotations

from agent_serving.console.page_table import PAGES, ROLES
from privacy.access.role import built_in_roles
from tests.agent_serving.console.console_shop import PURPOSES
from tests.markdown import ROOT


def test_the_documentation_lists_the_roles_of_each_page() -> None:
    lines = (ROOT / "docs" / "console.md").read_text("utf-8").splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("| page |"))
    head = [cell.strip() for cell in lines[start].strip("|").split("|")][1:]
    told = {}
    for line in lines[start + 2 : start + 2 + len(PAGES)]:
        name, *marks = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
        told[name] = {role for role, mark in zip(head, marks, strict=True) if mark == "yes"}
    assert told == {page.title.en: set(page.roles) for page in PAGES.values()}


def test_every_role_of_a_page_may_sign_in_and_has_a_purpose() -> None:
    known = built_in_roles()
    assert {role for page in PAGES.values() for role in page.roles} == set(ROLES)
    assert all(PURPOSES[role] in known[role].purposes for role in ROLES)
