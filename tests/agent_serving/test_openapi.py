"""The OpenAPI description is true: generated requests, sound and faulty, get what it says, and never a 5xx."""

from __future__ import annotations

from collections import Counter

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema


@pytest.fixture
def described(steady: httpx.Client) -> BaseSchema:
    """The description that the running application returns."""
    return schemathesis.openapi.from_url(f"{steady.base_url}/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_generated_requests_get_what_the_description_says(
    steady: httpx.Client, described: BaseSchema, mode: GenerationMode
) -> None:
    statuses = Counter[int]()
    for found in described.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue
        if operation.path.startswith("/v1/rights/"):
            continue  # router/test_rights_openapi.py, with an officer's key

        @settings(
            max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case) -> None:
            answer = case.call_and_validate(headers={"Authorization": steady.headers["Authorization"]})
            statuses[answer.status_code] += 1

        check()
    assert statuses[200] > 0 if mode is GenerationMode.POSITIVE else statuses[422] > 0
    assert not {status for status in statuses if status >= 500}


def test_every_example_of_the_description_is_a_valid_request(steady: httpx.Client) -> None:
    operation = steady.get("/openapi.json").json()["paths"]["/v1/features"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    examples = schema["examples"]
    assert examples
    for example in examples:
        Draft202012Validator(schema).validate(example)
        assert steady.post("/v1/features", json=example).status_code == 200
