import json
from types import SimpleNamespace

import jsonschema
import pytest

from agent_serving.conversation import plan as plan_module
from agent_serving.conversation.plan import PlanInvalid, plan_schema, read_plan
from agent_serving.tool.shop import FIND_PLACES, FIND_PRODUCTS
from bench.agent.hostile_server import PLANS

TOOLS = (FIND_PRODUCTS, FIND_PLACES)
SCHEMA = plan_schema(TOOLS)
PARAMETERS = {tool.name: tool.parameters for tool in TOOLS}
USABLE = {
    "good", "fenced", "in a sentence", "query syntax", "sql", "zero bytes", "no calls", "injected question",
    "stated price", "reasoning without beginning",
}  # fmt: skip


def faults(texts: dict[str, str]) -> tuple[set[str], set[str]]:
    """Return the texts that were read as plans, and those of them whose calls break the schema of their tool."""
    usable, invalid = set(), set()
    for name, text in texts.items():
        try:
            found = read_plan(text, SCHEMA)
        except PlanInvalid:
            continue
        usable.add(name)
        for call in found.calls:
            schema = PARAMETERS.get(call.tool, {"not": {}})
            if not jsonschema.Draft202012Validator(schema).is_valid(dict(call.arguments)):
                invalid.add(name)
    return usable, invalid


def test_only_valid_plans_are_read() -> None:
    assert faults(PLANS) == (USABLE, set())


def test_the_check_would_find_invalid_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "_validator", lambda _: SimpleNamespace(is_valid=lambda found: "calls" in found))
    texts = {name: PLANS[name] for name in ("unknown tool", "more arguments", "wrong kind", "no query")}
    assert faults(texts)[1] == set(texts)


def test_a_plan_with_a_question_calls_no_tool() -> None:
    text = json.loads(PLANS["good"]) | {"clarification": "무엇을 찾으세요?"}
    assert read_plan(json.dumps(text), SCHEMA).calls == ()
