"""A shop whose collector is served over HTTP, and what its log holds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from agent_serving.application import create_app
from agent_serving.collector.write_key import create_write_key
from agent_serving.services import open_api_keys
from installation.collector.place import segment_folder
from installation.collector.segment import open_segments, sealed_segments
from installation.contract.document import Contracts
from tests.agent_serving.serving_shop import served
from tests.features.retrieval.feature_shop import FeatureShop

SOURCE = "source.tracked_event"


def write_key(shop: FeatureShop, name: str = "web-shop") -> str:
    """Return a new write key for tracked events."""
    with closing(open_api_keys(shop.installation)) as keys:
        return create_write_key(keys, name, SOURCE)[1]


def without_policy(shop: FeatureShop) -> FeatureShop:
    """Let the source store every event, and return the shop."""
    return with_collection(shop, {"protocol": "segment"})


def with_collection(shop: FeatureShop, collection: Mapping[str, Any]) -> FeatureShop:
    """Give the source another policy, and return the shop."""
    contracts = shop.installation.contracts
    stated = replace(contracts[SOURCE], collection=collection)
    shop.installation.__dict__["contracts"] = Contracts({**contracts, SOURCE: stated}.values())
    return shop


@contextmanager
def collecting(shop: FeatureShop) -> Iterator[tuple[httpx.Client, str]]:
    """Serve the shop; yield a client without key, and a write key."""
    key = write_key(shop)
    with served(shop, "none", create_app(shop.installation)) as client:
        del client.headers["Authorization"]
        yield client, key


def folder_of(shop: FeatureShop) -> Path:
    """Return the folder of the log."""
    return segment_folder(shop.installation.contracts[SOURCE], shop.installation.settings)


def logged(shop: FeatureShop) -> list[dict[str, Any]]:
    """Return the events of the log, in the order of the segments."""
    folder = folder_of(shop)
    paths = [*sealed_segments(folder), *open_segments(folder)]
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]
