from __future__ import annotations

import re
from pathlib import Path

from installation.contract.document import load_contracts
from pipelines.contracts.check import check_contracts
from pipelines.contracts.vocabulary_page import render_vocabulary
from privacy.contract.vocabulary import load_vocabulary

PAGE = (Path(__file__).parents[3] / "docs" / "contracts.md").read_text("utf-8")


def test_docs_contracts_shows_the_current_vocabulary() -> None:
    shown = PAGE.split("<!-- vocabulary: begin -->")[1].split("<!-- vocabulary: end -->")[0]
    assert shown.strip() == render_vocabulary().strip(), "paste the output of `bojagi contracts vocabulary`"


def test_docs_contracts_lists_every_term() -> None:
    lists = {name: terms for name, terms in load_vocabulary().content.items() if isinstance(terms, dict)}
    missing = [term for terms in lists.values() for term in terms if f"| `{term}`" not in PAGE]
    assert missing == []


def test_the_example_contract_in_docs_passes_the_check(tmp_path: Path) -> None:
    section = PAGE.split("## Example of a complete contract")[1]
    example = re.search(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert example is not None
    (tmp_path / "source_visit.odcs.yaml").write_text(example[1], "utf-8")
    assert check_contracts([tmp_path]).faults == ()
    contract = load_contracts([tmp_path]).source("visit")
    assert contract.column("member_no").headers == ("회원번호", "고객번호")
