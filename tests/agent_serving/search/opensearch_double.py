"""A stand-in for an OpenSearch server: the requests that the engine sends, on documents in memory.

Documents are found only after a refresh, as on a real server. Scores add up the boosts of the matches.
"""

from __future__ import annotations

import json
from typing import Any

import httpx


class OpenSearchDouble:
    """One index. `fail_on` makes requests whose path contains it fail."""

    def __init__(self) -> None:
        self.made = False
        self.stored: dict[str, dict[str, Any]] = {}
        self.visible: dict[str, dict[str, Any]] = {}
        self.sequence = 0
        self.fail_on: str | None = None
        self.on_search: list[Any] = []

    def client(self) -> httpx.Client:
        return httpx.Client(base_url="http://search.example", transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.partition("/bench-2")[2] or request.url.path
        if self.fail_on is not None and self.fail_on in path:
            return httpx.Response(503)
        body = request.content.decode()
        if request.method == "HEAD":
            return httpx.Response(200 if self.made else 404)
        if path.endswith("/_doc/_state"):
            return self._state(request, body)
        if path.endswith("/_bulk"):
            lines = [json.loads(line) for line in body.splitlines()]
            self.stored |= {head["index"]["_id"]: row for head, row in zip(lines[::2], lines[1::2], strict=True)}
            return httpx.Response(200, json={"errors": False})
        if path.endswith("/_refresh"):
            self.visible = dict(self.stored)
            return httpx.Response(200, json={})
        if path.endswith("/_delete_by_query"):
            wanted = json.loads(body)["query"]
            self.stored = {key: row for key, row in self.stored.items() if _score(wanted, row) is None}
            self.visible = dict(self.stored)
            return httpx.Response(200, json={})
        if path.endswith("/_search"):
            return self._search(json.loads(body))
        self.made = True
        return httpx.Response(200, json={})

    def _state(self, request: httpx.Request, body: str) -> httpx.Response:
        found = self.stored.get("_state")
        if request.method == "GET":
            if found is None:
                return httpx.Response(404, json={})
            return httpx.Response(200, json={"_seq_no": self.sequence, "_primary_term": 1, "_source": found})
        given = request.url.params.get("if_seq_no")
        if (found is not None) if given is None else (int(given) != self.sequence):
            return httpx.Response(409, json={})
        self.sequence += 1
        self.stored["_state"] = json.loads(body)
        return httpx.Response(200, json={"_seq_no": self.sequence, "_primary_term": 1})

    def _search(self, asked: dict[str, Any]) -> httpx.Response:
        scored = [(score, row) for row in self.visible.values() if (score := _score(asked["query"], row)) is not None]
        scored.sort(key=lambda pair: pair[1]["id"] if "sort" in asked else -pair[0])
        hits = [{"_source": {"body": row["body"]}} for _, row in scored[: asked["size"]]]
        for action in self.on_search:
            action()
        return httpx.Response(200, json={"hits": {"hits": hits}})


def _score(query: dict[str, Any], row: dict[str, Any]) -> float | None:
    """Return the score of a document, None if it does not match."""
    ((kind, content),) = query.items()
    if kind == "match_all":
        return 0.0
    if kind == "exists":
        return 0.0 if content["field"] in row else None
    if kind == "terms":
        ((field, wanted),) = content.items()
        have = row.get(field, [])
        return 0.0 if set(have if isinstance(have, list) else [have]) & set(wanted) else None
    if kind == "range":
        ((field, bounds),) = content.items()
        return 0.0 if field in row and bounds.get("gte", -1) <= row[field] <= bounds.get("lte", 10**18) else None
    if kind == "match_phrase":
        ((field, wanted),) = content.items()
        terms, have = wanted["query"].split(), row.get(field, "").split()
        places = range(len(have) - len(terms) + 1)
        return wanted["boost"] if any(have[at : at + len(terms)] == terms for at in places) else None
    if kind == "dis_max":
        return max((score for one in content["queries"] if (score := _score(one, row)) is not None), default=None)
    assert kind == "bool", kind
    must = [content["must"]] if "must" in content else []
    scores = [_score(one, row) for one in (*must, *content.get("filter", []))]
    should = [score for one in content.get("should", []) if (score := _score(one, row)) is not None]
    if None in scores or any(_score(one, row) is not None for one in content.get("must_not", [])):
        return None
    if len(should) < content.get("minimum_should_match", 0):
        return None
    return sum(score for score in scores if score is not None) + sum(should)
