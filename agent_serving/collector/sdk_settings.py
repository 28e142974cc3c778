"""What browser SDKs ask for before they send: where to send to. No other destination is ever loaded.

- Segment's analytics.js: `GET /v1/projects/KEY/settings` (its option `cdnURL` names the host).
- RudderStack's SDK: `GET /sourceConfig/?writeKey=KEY` (its option `configUrl`).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def segment_settings(key: str, origin: str) -> dict[str, Any]:
    """Return the settings of Segment's analytics.js; events go to `origin`, such as https://shop.example."""
    place = urlsplit(origin)
    own = {"apiKey": key, "apiHost": f"{place.netloc}/v1", "protocol": place.scheme, "unbundledIntegrations": []}
    return {
        "integrations": {"Segment.io": own},
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {}, "enabledMiddleware": {}, "remotePlugins": [], "legacyVideoPluginsEnabled": False,
        "metrics": {"sampleRate": 0}, "analyticsNextEnabled": True,
    }  # fmt: skip


def rudder_settings(key: str, source: str, moment: str) -> dict[str, Any]:
    """Return the source configuration of RudderStack's SDK. `moment`: ISO 8601, since when it holds."""
    own = {
        "id": source, "name": source, "writeKey": key, "enabled": True, "updatedAt": moment, "workspaceId": "bojagi",
        "config": {"statsCollection": {"errors": {"enabled": False}, "metrics": {"enabled": False}}},
        "connections": [], "destinations": [], "dataplanes": {},
    }  # fmt: skip
    return {"source": own, "updatedAt": moment}
