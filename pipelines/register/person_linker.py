"""Clusters records by exact keys, by scored register entries and by a steward's decisions.

1. Certain keys (member number, card number, name with phone) join register entries, even if other values differ; but
   not the two entries of a refused pair (see `matching.guard`), such as father and son of one name and phone.
2. Pairs of register entries are scored. Average linkage joins them. An equal e-mail address is one comparison among
   others here, because couples share addresses.
3. Records without a register entry get the cluster of their strongest key.

A cannot-link decision of a steward overrides all of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pandas.util import hash_array
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from pipelines.matching.cluster import Constraints, cluster, components
from pipelines.matching.guard import REFUSED_WEIGHT
from pipelines.matching.model import Model
from pipelines.matching.resolution import Options
from pipelines.matching.scoring import ScoredPairs
from pipelines.register.batch_matching import match_people
from pipelines.register.decision import Decision, Key, StewardLinks, named_nodes, steward_links
from pipelines.register.entry_matching import Matcher, Matching
from pipelines.register.exact_linker import MAX_MEMBERS_PER_KEY, Clusters, without_default_values
from pipelines.register.key_index import key_text, positions
from pipelines.register.record import LINK_KINDS, Records
from pipelines.register.register_entry import RegisterEntries

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
CERTAIN_KINDS = ("member_no", "card_no", "name_phone")
"""Kinds of keys that join register entries, even if other values of the entries differ."""
LINK, MATCH, STEWARD = "link", "match", "steward"
LEAST_CONFIDENCE = 0.5
"""Least confidence of an entry that was matched into a group, because the threshold is even odds."""


@dataclass(frozen=True)
class PersonLinker:
    """Clusters records by exact keys, scored register entries and a steward's decisions.

    Attributes:
        persons: the register entries.
        known: the former assignment: `kind`, `token`, `customer_id`, `method`, `confidence`, `last_seen_at`.
        model: the stored model; None: train one.
        decisions: all decisions of stewards.
        options: thresholds and limits of the matching.
        max_members_per_key: see `exact_linker.MAX_MEMBERS_PER_KEY`.
        match: scores the register entries.
    """

    persons: RegisterEntries
    known: pd.DataFrame
    model: Model | None = None
    decisions: Sequence[Decision] = ()
    options: Options = field(default_factory=Options)
    max_members_per_key: int = MAX_MEMBERS_PER_KEY
    match: Matcher = match_people

    def link(self, records: Records) -> Clusters:
        """Return the cluster of each record, with method and confidence, and the scored pairs."""
        graph = _RecordGraph.of(records, self.persons, self.max_members_per_key)
        former, fresh = self._former_groups(graph)
        links = steward_links(self.decisions, graph.nodes_of)
        touched = np.zeros(graph.size, dtype=bool)
        touched[list(named_nodes(self.decisions, graph.nodes_of))] = True
        # A certain key may be new on old records: entries that it joins are compared again as well.
        certain = graph.certain_links()
        touched[certain[former[certain[:, 0]] != former[certain[:, 1]]].ravel()] = True
        size = len(self.persons)
        matching = self.match(self.persons, former[:size], fresh, touched[:size], self.model, self.options)
        group = self._group(graph, matching, former, touched, links)
        method, confidence = self._method_and_confidence(graph, matching, group, links)
        label = graph.labels(group)
        named = np.flatnonzero((label >= 0) & (graph.person_of_row >= 0))
        row_method, row_confidence = np.full(graph.rows, LINK, dtype=object), np.ones(graph.rows)
        row_method[named] = method[graph.person_of_row[named]]
        row_confidence[named] = confidence[graph.person_of_row[named]]
        return Clusters(label, graph.refused, row_method, row_confidence, matching)

    def _former_groups(self, graph: _RecordGraph) -> tuple[Ints, Bools]:
        """Return the former group of each node (a new node has its own), and whether each entry is new or changed."""
        position = self._known_positions(graph)
        is_known = position >= 0
        group = np.arange(graph.size, dtype=np.int64) + len(self.known)
        group[: len(position)][is_known] = pd.factorize(self.known["customer_id"])[0][position[is_known]]
        seen = np.full(len(position), np.datetime64("NaT"), dtype="datetime64[us]")
        seen[is_known] = self.known["last_seen_at"].to_numpy(dtype="datetime64[us]")[position[is_known]]
        newest = self.persons.frame["seen_at"].to_numpy(dtype="datetime64[us]")
        # A number may be known from another source before its register entry is loaded; the sketch book shows this.
        is_new = ~self.persons.book.knows(self.persons.frame)
        return group, ~is_known | np.isnat(seen) | (newest > seen) | is_new

    def _group(
        self, graph: _RecordGraph, matching: Matching, former: Ints, touched: Bools, links: StewardLinks
    ) -> Ints:
        """Return the group of each node: reached nodes are clustered, other nodes keep their former group.

        Nodes that certain keys join (a part) are clustered as one. The entry with the most values represents its part.
        Otherwise the same few values, repeated on several cards, would outweigh that entry. Where a steward separates
        nodes of a part, or two of its entries are clearly not one person, each node is a part of its own.
        """
        apart = np.concatenate([links.cannot_link, _refused(matching.pairs, links, graph.size)])
        part = _without_cannot_links(graph.certain_part(), apart)
        reached = np.concatenate([matching.reached, touched[len(matching.reached) :]])
        chosen = np.unique(part[reached])
        is_representative, ties = self._representatives(part, np.isin(part, chosen))
        # Parts are ordered by the values of their representatives, so that neither row order nor tokens decide ties.
        chosen = chosen[np.argsort(ties[chosen], kind="stable")]
        position = np.full(int(part.max(initial=-1)) + 1, -1, dtype=np.int64)
        position[chosen] = np.arange(len(chosen))
        node = position[part]
        constraints = Constraints(_inside(node, links.must_link), _inside(node, apart))
        between = is_representative[matching.pairs.left] & is_representative[matching.pairs.right]
        pairs = _within(node, matching.pairs, between)
        threshold = self.options.threshold
        found = cluster(len(chosen), pairs.left, pairs.right, pairs.weight, constraints, threshold=threshold)
        found = _join_groups(found, _inside(node, links.join_groups), _inside(node, links.cannot_link))
        group = former + graph.size
        moved = node >= 0
        group[moved] = found[node[moved]]
        return group

    def _representatives(self, part: Ints, is_concerned: Bools) -> tuple[Bools, Ints]:
        """Return which node represents its part, and a rank of each part by the values of its representative.

        The node with the most values is the representative, and of several the first by content. Values are read only
        for parts that are concerned.
        """
        people = np.flatnonzero(is_concerned[: len(self.persons)])
        values = self.persons.describe(people).drop(columns="source")
        value_count = np.zeros(len(part), dtype=np.int64)
        value_count[people] = values.notna().sum(axis=1)
        rank = np.arange(len(part), dtype=np.int64) + len(people)
        rank[people] = _content_rank(values)
        order = np.lexsort((rank, -value_count, part))
        is_representative = np.zeros(len(part), dtype=bool)
        is_first = np.concatenate([[True], part[order][1:] != part[order][:-1]])[: len(order)]
        is_representative[order[is_first]] = True
        ties = np.zeros(int(part.max(initial=-1)) + 1, dtype=np.int64)
        ties[part[is_representative]] = rank[is_representative]
        return is_representative, ties

    def _method_and_confidence(
        self, graph: _RecordGraph, matching: Matching, group: Ints, links: StewardLinks
    ) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        """Return the method by which each node was assigned to its group, and the probability of the assignment.

        The largest part of a group is its core and is linked with confidence 1. Nodes of other parts were matched, or
        were joined by a steward.
        """
        method, confidence = np.full(graph.size, LINK, dtype=object), np.ones(graph.size)
        part = graph.certain_part()
        frame = pd.DataFrame({"group": group, "part": part, "node": np.arange(graph.size)})
        frame["size"] = frame.groupby(["group", "part"])["node"].transform("size")
        frame = frame.sort_values(["group", "size", "node"], ascending=[True, False, True])
        core = frame.groupby("group")["part"].transform("first")
        matched = np.sort(frame.loc[core != frame["part"], "node"].to_numpy())
        by_steward = np.isin(part[matched], part[np.concatenate([links.join_groups, links.must_link]).ravel()])
        weight = _best_weights(matching.pairs, group, part)[matched]
        probability = np.maximum(1.0 / (1.0 + np.exp2(-np.clip(weight, -60, 60))), LEAST_CONFIDENCE)
        method[matched] = np.where(by_steward, STEWARD, MATCH)
        confidence[matched] = np.where(by_steward, 1.0, probability)
        self._keep_unreached(graph, matched[matched < len(self.persons)], matching, method, confidence)
        return method, confidence

    def _keep_unreached(
        self,
        graph: _RecordGraph,
        people: Ints,
        matching: Matching,
        method: NDArray[np.object_],
        confidence: NDArray[np.float64],
    ) -> None:
        """Restore the former method and confidence of entries that were not compared in this run."""
        unreached = people[~matching.reached[people]]
        position = self._known_positions(graph)[unreached]
        unreached, position = unreached[position >= 0], position[position >= 0]
        method[unreached] = self.known["method"].to_numpy(dtype=object)[position]
        confidence[unreached] = self.known["confidence"].to_numpy(dtype=np.float64)[position]

    def _known_positions(self, graph: _RecordGraph) -> Ints:
        """Return the position of each entry's key in the former assignment; -1 if it is not there."""
        return positions(key_text(self.known["kind"], self.known["token"]), graph.person_keys)


@dataclass(frozen=True)
class _RecordGraph:
    """Records, their linking keys, and the nodes that are clustered.

    The first nodes are the register entries. The other nodes are groups of unmatched records: records without an entry
    that share keys with each other and with no entry.

    Attributes:
        keys: linking keys on records, without default values; columns as in `Records.keys`.
        person_keys: kind and token of each entry, in one text (see `key_index`).
        person_of_row: for each record the entry that it names by its strongest number; -1 for none.
        person_rows: record and entry, for every entry that a record names.
        component: for each record that names no entry, its group by shared keys; keys that are also on a record that
            names an entry do not count; -1 without a key.
        unmatched: node of each such group; -1 if one of its records shares a key with a record that names an entry.
        refused: keys that were ignored as default values, with their number of members.
        rows: number of records.
    """

    keys: pd.DataFrame
    person_keys: pa.Array
    person_of_row: Ints
    person_rows: pd.DataFrame
    component: Ints
    unmatched: Ints
    refused: tuple[tuple[str, int], ...]
    rows: int

    @classmethod
    def of(cls, records: Records, persons: RegisterEntries, max_members: int) -> _RecordGraph:
        keys = records.keys()
        keys, refused = without_default_values(keys[keys["kind"].isin(LINK_KINDS)], records, max_members)
        person_keys, rows = key_text(persons.frame["kind"], persons.frame["token"]), len(records.frame)
        distinct = keys.drop_duplicates("key")
        person_of_key = np.full(int(keys["key"].max()) + 1 if len(keys) else 0, -1, dtype=np.int64)
        person_of_key[distinct["key"]] = positions(person_keys, key_text(distinct["kind"], distinct["token"]))
        person = person_of_key[keys["key"]]
        named = pd.DataFrame({"record": keys["record"].to_numpy(), "person": person})[person >= 0]
        # The kinds are in the order of LINK_KINDS, so the first number of a record is the strongest.
        first = named.drop_duplicates("record")
        person_of_row = np.full(rows, -1, dtype=np.int64)
        person_of_row[first["record"]] = first["person"]
        lone = keys[person_of_row[keys["record"]] < 0]
        owned = np.unique(keys.loc[person_of_row[keys["record"]] >= 0, "key"])
        component = _components(lone[~lone["key"].isin(owned)], lone["record"].unique(), rows)
        attached = np.unique(component[lone.loc[lone["key"].isin(owned), "record"]])
        count = int(component.max(initial=-1)) + 1
        unmatched = np.full(count, -1, dtype=np.int64)
        alone = np.setdiff1d(np.arange(count), attached)
        unmatched[alone] = len(persons) + np.arange(len(alone))
        return cls(keys, person_keys, person_of_row, named, component, unmatched, refused, rows)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.person_keys) + int((self.unmatched >= 0).sum())

    def nodes_of(self, key: Key) -> Iterable[int]:
        """Return the nodes that have a key; none if no record has it."""
        person = self.person_keys.index("\0".join(key)).as_py()
        if person >= 0:
            return (int(person),)
        rows = self.keys.loc[(self.keys["kind"] == key[0]) & (self.keys["token"] == key[1]), "record"].to_numpy()
        people = self.person_of_row[rows]
        unmatched = self.unmatched[self.component[rows[(people < 0) & (self.component[rows] >= 0)]]]
        return [int(node) for node in np.unique(np.concatenate([people, unmatched])) if node >= 0]

    def certain_part(self) -> Ints:
        """Return the part of each node: entries that certain keys join are one part, other nodes are one each."""
        certain = self.keys[self.keys["kind"].isin(CERTAIN_KINDS)]
        component = _components(certain, certain["record"].unique(), self.rows)
        part = np.arange(self.size, dtype=np.int64) + self.rows
        part[self.person_rows["person"]] = component[self.person_rows["record"]]
        return np.asarray(pd.factorize(part)[0], dtype=np.int64)

    def certain_links(self) -> Ints:
        """Return pairs of nodes that connect each part: the first with the second, the second with the third, …"""
        part = self.certain_part()
        order = np.argsort(part, kind="stable")
        same = part[order][1:] == part[order][:-1]
        return np.column_stack([order[:-1][same], order[1:][same]]).astype(np.int64).reshape(-1, 2)

    def labels(self, group: Ints) -> Ints:
        """Return the cluster of each record from the group of each node."""
        label = np.full(self.rows, -1, dtype=np.int64)
        named = self.person_of_row >= 0
        label[named] = group[self.person_of_row[named]]
        in_group = self.component >= 0
        is_unmatched = in_group & (self.unmatched[self.component] >= 0) if len(self.unmatched) else in_group
        label[is_unmatched] = group[self.unmatched[self.component[is_unmatched]]]
        self._attach(label)
        known = label >= 0
        label[known] = pd.factorize(label[known])[0]
        return label

    def _attach(self, label: Ints) -> None:
        """Set the cluster of records without an entry to that of their keys; keys of several clusters do not count.

        If all records of a component point to one cluster, all get it. Otherwise each record gets the cluster of its
        strongest key.
        """
        labelled = self.keys.assign(cluster=label[self.keys["record"]])
        owners = labelled[labelled["cluster"] >= 0][["key", "cluster"]].drop_duplicates()
        owners = owners[~owners.duplicated("key", keep=False)]
        waiting = labelled[labelled["cluster"] < 0].drop(columns="cluster").merge(owners, on="key")
        if waiting.empty:
            return
        waiting = waiting.sort_values("record", kind="stable")
        waiting["component"] = self.component[waiting["record"]]
        clusters = waiting.groupby("component")["cluster"].agg(["first", "nunique"])
        agreed = clusters.loc[clusters["nunique"] == 1, "first"]
        open_rows = np.flatnonzero((label < 0) & np.isin(self.component, agreed.index))
        label[open_rows] = agreed.reindex(self.component[open_rows]).to_numpy()
        strongest = waiting[label[waiting["record"]] < 0].drop_duplicates("record")
        label[strongest["record"]] = strongest["cluster"]


def _components(keys: pd.DataFrame, records: Ints, size: int) -> Ints:
    """Return the connected component of each of the records over the keys; -1 for records that are not given."""
    found = np.full(size, -1, dtype=np.int64)
    if not len(records):
        return found
    nodes = size + int(keys["key"].max()) + 1 if len(keys) else size
    ends = keys["record"].to_numpy(), keys["key"].to_numpy() + size if len(keys) else np.empty(0, dtype=np.int64)
    graph = coo_matrix((np.ones(len(keys), dtype=np.int8), ends), shape=(nodes, nodes))
    component = connected_components(graph, directed=False)[1]
    ordered = np.sort(records)
    found[ordered] = pd.factorize(component[ordered])[0]
    return found


def _best_weights(pairs: ScoredPairs, group: Ints, part: Ints) -> NDArray[np.float64]:
    """Return for each node the largest weight of a pair between its part and the rest of its group; -inf if none."""
    joins = (group[pairs.left] == group[pairs.right]) & (part[pairs.left] != part[pairs.right])
    best = np.full(int(part.max(initial=-1)) + 1, -np.inf)
    for ends in (pairs.left, pairs.right):
        np.maximum.at(best, part[ends[joins]], pairs.weight[joins])
    return np.asarray(best[part])


def _content_rank(values: pd.DataFrame) -> Ints:
    """Return the rank of each entry in an order that depends on its values alone; equal entries keep their order.

    Households are ignored: they are tokens, which depend on the secret.
    """
    digest = np.zeros(len(values), dtype=np.uint64)
    for name in values.columns:
        if name != "household":
            hashes = hash_array(values[name].fillna("").astype(object).to_numpy(), categorize=True)
            digest = digest * np.uint64(0x9E3779B97F4A7C15) + hashes
    rank = np.empty(len(values), dtype=np.int64)
    rank[np.argsort(digest, kind="stable")] = np.arange(len(values))
    return rank


def _refused(pairs: ScoredPairs, links: StewardLinks, size: int) -> Ints:
    """Return the refused pairs of entries, without those that a steward declared to be one person."""
    label = components(size, links.must_link[:, 0], links.must_link[:, 1])
    is_refused = (pairs.weight <= REFUSED_WEIGHT) & (label[pairs.left] != label[pairs.right])
    return np.column_stack([pairs.left[is_refused], pairs.right[is_refused]])


def _without_cannot_links(part: Ints, cannot: Ints) -> Ints:
    """Return new part numbers; a part that contains a cannot-link pair is divided into single nodes."""
    broken = np.isin(part, part[cannot[part[cannot[:, 0]] == part[cannot[:, 1]]].ravel()])
    own = np.where(broken, part.max(initial=-1) + 1 + np.arange(len(part)), part)
    return np.asarray(np.unique(own, return_inverse=True)[1], dtype=np.int64)


def _join_groups(group: Ints, same: Ints, cannot: Ints) -> Ints:
    """Return the groups after joining those of each pair in `same`; joins that break a cannot-link are left out.

    Joining whole groups keeps all their members together. Groups are named by their smallest member.
    """
    joined = components(len(group), group[same[:, 0]], group[same[:, 1]])[group]
    broken = joined[cannot[joined[cannot[:, 0]] == joined[cannot[:, 1]]].ravel()]
    return np.where(np.isin(joined, broken), group, joined)


def _inside(number: Ints, pairs: Ints) -> Ints:
    """Return the pairs with new node numbers; drop a pair if a node has no new number or both have the same."""
    moved = number[pairs]
    return np.asarray(moved[(moved >= 0).all(axis=1) & (moved[:, 0] != moved[:, 1])])


def _within(number: Ints, pairs: ScoredPairs, chosen: Bools) -> ScoredPairs:
    """Return the chosen scored pairs with new node numbers; drop them as `_inside` does."""
    left, right = number[pairs.left[chosen]], number[pairs.right[chosen]]
    both = (left >= 0) & (right >= 0) & (left != right)
    return ScoredPairs(left[both], right[both], pairs.weight[chosen][both])
