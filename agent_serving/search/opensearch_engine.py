"""The search engine of a fleet: an index on OpenSearch, reached over HTTP.

OpenSearch has no transaction over documents, so each document carries the version of its source, and one small document
of state lists the versions that a search must not see. A write is then: hide the new version, index its documents, and
swap in one write of the state: the new version is visible and the former one hidden. Only then is the former one
deleted. A search that meets a swap is repeated, so it sees all documents of one version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import httpx

from agent_serving.search.document import Document, Kind
from agent_serving.search.engine import NO_FILTERS, Change, Filters
from agent_serving.search.errors import SearchUnavailable
from agent_serving.search.index_field import (
    BODY,
    EXACT,
    JOINED,
    NUMBERS,
    PAIRS,
    WORDS,
    Between,
    Condition,
    Match,
    Word,
    attempts,
    conditions,
    document_of,
    fields_of,
    is_encodable,
)

FORMAT: Final = "2"
"""Ends the name of the index. Increase it when the fields or the terms change, so that a new index is built."""

_STATE: Final = "_state"
_BATCH = 1000
_MOST_REPEATS = 5
_TIMEOUT_SECONDS = 30.0
_MAPPING: Final[dict[str, Any]] = {
    "settings": {
        "index": {"max_result_window": 100_000},
        "analysis": {"analyzer": {"terms": {"type": "custom", "tokenizer": "whitespace"}}},
    },
    "mappings": {
        "dynamic": False,
        "properties": {
            **{name: {"type": "keyword"} for name in (*EXACT, "revision")},
            **{name: {"type": "long"} for name in NUMBERS},
            **{name: {"type": "text", "analyzer": "terms"} for name in (*WORDS, *PAIRS, *JOINED)},
            BODY: {"type": "keyword", "index": False, "doc_values": False},
        },
    },
}


class OpenSearchIndex:
    """An index on an OpenSearch server; see `SearchIndex`. Opening it creates it."""

    def __init__(self, client: httpx.Client, name: str) -> None:
        """Use the index `name` on the server of the client, whose base URL and credentials are set.

        Raises:
            SearchUnavailable: the server cannot be reached, or refuses to make the index.
        """
        self._client, self._name = client, f"{name}-{FORMAT}"
        if self._ask("HEAD", "", allowed=(404,)).status_code == 404:
            # Another process may have made it meanwhile.
            self._ask("PUT", "", _MAPPING, allowed=(400,))

    def search(
        self,
        query: str,
        kinds: Sequence[Kind] = (),
        branch: str | None = None,
        limit: int = 10,
        filters: Filters = NO_FILTERS,
    ) -> list[Document]:
        """Return the best documents of the first attempt that finds any; see `attempts`."""
        required = [_condition(condition) for condition in conditions(kinds, branch, filters)]
        if limit < 1:
            return []
        if not query.strip():
            return self._found({"match_all": {}}, required, limit, [{"id": "asc"}])
        for attempt in attempts(query):
            words = [_word(word, attempt.is_loose) for word in attempt.words]
            if found := self._found(_least(attempt.least, words), required, limit):
                return found
        return []

    def get(self, ids: Sequence[str]) -> list[Document]:
        """Return the documents with these ids, in this order."""
        ids = [one for one in ids if is_encodable(one)]
        wanted = {"terms": {"id": list(ids)}}
        found = {one.id: one for one in self._found({"match_all": {}}, [wanted], max(len(ids), 1))}
        return [found[one] for one in ids if one in found]

    def versions(self) -> Mapping[str, str]:
        """Return the visible version of each source."""
        versions: dict[str, str] = self._state()["versions"]
        return versions

    def write(self, changes: Sequence[Change]) -> None:
        """Replace the documents of each source, by one write of the state for all of them."""
        if not changes:
            return
        state = self._state()
        revision = int(state["revision"]) + 1
        names = {change.source: f"{change.source}@{revision}" for change in changes}
        # What a process that died left behind is hidden already, and is deleted with the former version.
        state = self._save(state | {"hidden": sorted({*state["hidden"], *names.values()}), "revision": revision})
        try:
            self._index(changes, names)
        except SearchUnavailable:
            self._delete(list(names.values()))
            raise
        former = [state["revisions"][change.source] for change in changes if change.source in state["revisions"]]
        versions, revisions = dict(state["versions"]), dict(state["revisions"])
        for change in changes:
            versions.pop(change.source, None)
            revisions.pop(change.source, None)
            if change.version is not None:
                versions[change.source], revisions[change.source] = change.version, names[change.source]
        hidden = sorted({*state["hidden"], *former} - set(names.values()))
        state = self._save(state | {"hidden": hidden, "versions": versions, "revisions": revisions})
        self._delete(hidden)
        self._save(state | {"hidden": []})

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _index(self, changes: Sequence[Change], names: Mapping[str, str]) -> None:
        rows = (
            fields_of(change.source, document) | {"revision": names[change.source]}
            for change in changes
            for document in change.documents
        )
        for lines in _bulk(rows):
            answer = self._ask("POST", "/_bulk", lines)
            if answer.json().get("errors"):
                raise SearchUnavailable(f"{self._client.base_url}: documents of {self._name} were refused.")
        self._ask("POST", "/_refresh")

    def _delete(self, revisions: Sequence[str]) -> None:
        if revisions:
            query = {"query": {"terms": {"revision": list(revisions)}}}
            self._ask("POST", "/_delete_by_query?refresh=true&conflicts=proceed", query)

    def _state(self) -> dict[str, Any]:
        answer = self._ask("GET", f"/_doc/{_STATE}", allowed=(404,))
        empty: dict[str, Any] = {"hidden": [], "versions": {}, "revisions": {}, "revision": 0}
        if answer.status_code == 404:
            return empty
        found = answer.json()
        mark = {"_seq_no": found["_seq_no"], "_primary_term": found["_primary_term"]}
        state: dict[str, Any] = json.loads(found["_source"]["state"])
        return empty | state | mark

    def _save(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Write the state, unless another process has written it since it was read."""
        kept = {name: value for name, value in state.items() if not name.startswith("_")}
        mark = "op_type=create"
        if "_seq_no" in state:
            mark = f"if_seq_no={state['_seq_no']}&if_primary_term={state['_primary_term']}"
        answer = self._ask("PUT", f"/_doc/{_STATE}?{mark}", {"state": json.dumps(kept)}, allowed=(409,))
        if answer.status_code == 409:
            raise SearchUnavailable(f"Another process writes the index {self._name}. Try again later.")
        found = answer.json()
        return kept | {"_seq_no": found["_seq_no"], "_primary_term": found["_primary_term"]}

    def _found(
        self, wanted: Mapping[str, Any], required: Sequence[Mapping[str, Any]], limit: int, sort: Any = None
    ) -> list[Document]:
        state = self._state()
        for _ in range(_MOST_REPEATS):
            hidden = {"terms": {"revision": state["hidden"]}}
            own = {"exists": {"field": "kind"}}
            query = {"bool": {"must": wanted, "filter": [own, *required], "must_not": [hidden]}}
            asked = {"query": query, "size": limit, "_source": [BODY], **({"sort": sort} if sort else {})}
            hits = self._ask("POST", "/_search", asked).json()["hits"]["hits"]
            before, state = state, self._state()
            if (before["hidden"], before["revision"]) == (state["hidden"], state["revision"]):
                return [document_of(hit["_source"][BODY]) for hit in hits]
        raise SearchUnavailable(f"The index {self._name} is being rewritten. Try again later.")

    def _ask(self, method: str, path: str, content: Any = None, *, allowed: Sequence[int] = ()) -> httpx.Response:
        sent: dict[str, Any] = {} if content is None else {"json": content}
        if isinstance(content, bytes):
            sent = {"content": content, "headers": {"Content-Type": "application/x-ndjson"}}
        try:
            answer = self._client.request(method, f"/{self._name}{path}", timeout=_TIMEOUT_SECONDS, **sent)
        except httpx.HTTPError as error:
            raise SearchUnavailable(f"{self._client.base_url}: OpenSearch cannot be reached: {error}.") from error
        if answer.is_error and answer.status_code not in allowed:
            raise SearchUnavailable(
                f"{self._client.base_url}: OpenSearch answered {answer.status_code} for {method} {self._name}."
            )
        return answer


def _bulk(rows: Iterator[dict[str, Any]] | Any) -> Iterator[bytes]:
    lines: list[bytes] = []
    for row in rows:
        # OpenSearch keeps one document an id: both versions of a source are there until the swap.
        lines += [json.dumps({"index": {"_id": f"{row['revision']}/{row['id']}"}}).encode(), json.dumps(row).encode()]
        if len(lines) >= 2 * _BATCH:
            yield b"\n".join([*lines, b""])
            lines = []
    if lines:
        yield b"\n".join([*lines, b""])


def _word(word: Word, is_loose: bool) -> dict[str, Any]:
    parts = [_match(match) for match in word.matches]
    if is_loose:
        parts += [_least(one.least, [_match(pair) for pair in one.pairs]) for one in word.loose]
    return {"dis_max": {"queries": parts, "tie_breaker": 0.1}}


def _match(match: Match) -> dict[str, Any]:
    return {"match_phrase": {match.field: {"query": " ".join(match.terms), "boost": match.boost}}}


def _least(least: int, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"bool": {"should": list(parts), "minimum_should_match": least}}


def _condition(condition: Condition) -> dict[str, Any]:
    if isinstance(condition, Between):
        bounds = {"gte": condition.least, "lte": condition.most}
        return {"range": {condition.field: {name: bound for name, bound in bounds.items() if bound is not None}}}
    terms = {"terms": {condition.field: list(condition.values)}}
    return {"bool": {"must_not": [terms]}} if condition.is_negated else terms
