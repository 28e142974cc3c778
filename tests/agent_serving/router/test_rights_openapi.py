"""Generated requests to the routes of rights, sound and faulty, get what the description says, and never a 5xx."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.agent_serving.serving_shop import PERMITS, fill, key_of, served
from tests.features.retrieval.feature_shop import OFFICER, FeatureShop

PREFIX = "/v1/rights/"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    shop = FeatureShop(tmp_path_factory.mktemp("rights"))
    fill(shop)
    with served(shop, key_of(shop, OFFICER, "legal_records")) as found:
        yield found
    shop.close()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_generated_requests_get_what_the_description_says(client: httpx.Client, mode: GenerationMode) -> None:
    described, statuses = schemathesis.openapi.from_url(f"{client.base_url}/openapi.json"), Counter[int]()
    asked = client.post("/v1/rights/requests", json={"right": "access", "customer_id": PERMITS}).json()["request"]["id"]
    for operation in (found.ok() for found in described.get_all_operations()):
        if not operation.path.startswith(PREFIX) or (mode is GenerationMode.NEGATIVE and not operation.body):
            continue

        @settings(
            max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case) -> None:
            # Every other case is about a request and a customer that exist; that may mend a faulty one.
            is_real = sum(statuses.values()) % 2 == 1
            if is_real:
                case.path_parameters.update({"number": asked} if "number" in case.path_parameters else {})
                if isinstance(case.body, dict) and "customer_id" in case.body:
                    case.body["customer_id"] = PERMITS
            # A sound body can still ask for what is not possible, such as for a customer that nobody knows.
            excluded = [positive_data_acceptance, *([negative_data_rejection] if is_real else [])]
            answer = case.call_and_validate(
                headers={"Authorization": client.headers["Authorization"]}, excluded_checks=excluded
            )
            statuses[answer.status_code] += 1

        check()
    assert statuses[201] > 0 or mode is GenerationMode.NEGATIVE
    assert statuses[422] > 0
    assert not {status for status in statuses if status >= 500}
