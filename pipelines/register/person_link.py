"""Which records belong to one person, by exact keys and by what the registers say about people.

Member numbers, card numbers and name-with-phone join for certain. An e-mail address joins register entries only as far
as the rest of them agrees, since couples share one. Records without a register entry follow their strongest key.
Nothing that a steward keeps apart is joined, by any path.
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
from pipelines.matching.model import Model
from pipelines.matching.resolve import Options
from pipelines.matching.scoring import ScoredPairs
from pipelines.register.decision import Decision, Key, Told, told_links, told_nodes
from pipelines.register.key_place import key_text, places
from pipelines.register.link import MAX_MEMBERS_A_KEY, Clusters, without_default_values
from pipelines.register.person_batch import match_people
from pipelines.register.person_match import Matcher, Matching
from pipelines.register.person_record import PersonRecords
from pipelines.register.record import LINK_KINDS, Records

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
CERTAIN_KINDS = ("member_no", "card_no", "name_phone")
"""Keys that join whatever else the records say."""
LINK, MATCH, STEWARD = "link", "match", "steward"
LEAST_CONFIDENCE = 0.5
"""Of somebody who was matched into a group: the threshold is even odds."""


@dataclass(frozen=True)
class PersonLinker:
    """Joins records by exact keys, scored register entries and a steward's decisions.

    Attributes:
        persons: the entries of the registers of people.
        known: the former assignment: `kind`, `token`, `customer_id`, `method`, `confidence`, `last_seen_at`.
        model: as trained before; None trains one.
        decisions: all decisions of stewards.
        options: thresholds and limits of the matching.
        max_members_a_key: see `link`.
        match: scores the people.
    """

    persons: PersonRecords
    known: pd.DataFrame
    model: Model | None = None
    decisions: Sequence[Decision] = ()
    options: Options = field(default_factory=Options)
    max_members_a_key: int = MAX_MEMBERS_A_KEY
    match: Matcher = match_people

    def link(self, records: Records) -> Clusters:
        """Return the cluster of each record, how surely it belongs there, and what was compared."""
        held = _Held.of(records, self.persons, self.max_members_a_key)
        former, fresh = self._former(held)
        told = told_links(self.decisions, held.nodes_of)
        touched = np.zeros(held.size, dtype=bool)
        touched[list(told_nodes(self.decisions, held.nodes_of))] = True
        # A certain key may have come to old records: whoever it joins is looked at as well.
        certain = held.certain_links()
        touched[certain[former[certain[:, 0]] != former[certain[:, 1]]].ravel()] = True
        size = len(self.persons)
        matching = self.match(self.persons, former[:size], fresh, touched[:size], self.model, self.options)
        group = self._group(held, matching, former, touched, told)
        method, confidence = self._sureness(held, matching, group, told)
        label = held.labels(group)
        named = np.flatnonzero((label >= 0) & (held.person_of_row >= 0))
        how, sure = np.full(held.rows, LINK, dtype=object), np.ones(held.rows)
        how[named], sure[named] = method[held.person_of_row[named]], confidence[held.person_of_row[named]]
        return Clusters(label, held.refused, how, sure, matching)

    def _former(self, held: _Held) -> tuple[Ints, Bools]:
        """The former group of each node, a group of its own for a new one; and which people's description is new."""
        place = self._known_places(held)
        there = place >= 0
        group = np.arange(held.size, dtype=np.int64) + len(self.known)
        group[: len(place)][there] = pd.factorize(self.known["customer_id"])[0][place[there]]
        seen = np.full(len(place), np.datetime64("NaT"), dtype="datetime64[us]")
        seen[there] = self.known["last_seen_at"].to_numpy(dtype="datetime64[us]")[place[there]]
        newest = self.persons.frame["seen_at"].to_numpy(dtype="datetime64[us]")
        # A number may have been known from elsewhere, before its entry in the register came.
        is_new = ~self.persons.book.knows(self.persons.frame)
        return group, ~there | np.isnat(seen) | (newest > seen) | is_new

    def _group(self, held: _Held, matching: Matching, former: Ints, touched: Bools, told: Told) -> Ints:
        """Cluster who was reached; the others stay where they were.

        What certain keys join is one person: its best-described entry speaks for it, lest the same few facts, repeated
        on cards, outvote it. Where a steward parts such entries, each speaks for itself.
        """
        part = _parted(held.certain_part(), told.never)
        reached = np.concatenate([matching.reached, touched[len(matching.reached) :]])
        chosen = np.unique(part[reached])
        speaker, ties = self._speakers(part, np.isin(part, chosen))
        # Parts go by what their speakers say, so that neither the order of rows nor that of tokens decides anything.
        chosen = chosen[np.argsort(ties[chosen], kind="stable")]
        place = np.full(int(part.max(initial=-1)) + 1, -1, dtype=np.int64)
        place[chosen] = np.arange(len(chosen))
        links = Constraints(*(_inside(place[part], pairs) for pairs in (told.together, told.never)))
        speaks = speaker[matching.pairs.left] & speaker[matching.pairs.right]
        pairs = _within(place[part], matching.pairs, speaks)
        found = cluster(len(chosen), pairs.left, pairs.right, pairs.weight, links, threshold=self.options.threshold)
        found = _joined(found, _inside(place[part], told.same), links.never_link)
        group = former + held.size
        moved = place[part] >= 0
        group[moved] = found[place[part[moved]]]
        return group

    def _speakers(self, part: Ints, concerned: Bools) -> tuple[Bools, Ints]:
        """Tell which node speaks for its part, and an order of the parts by what those nodes say.

        The one that says most speaks, and of those the first in the order of what is said. Only of parts that are
        `concerned` it is known what they say.
        """
        people = np.flatnonzero(concerned[: len(self.persons)])
        parts = self.persons.describe(people).drop(columns="source")
        said = np.zeros(len(part), dtype=np.int64)
        said[people] = parts.notna().sum(axis=1)
        rank = np.arange(len(part), dtype=np.int64) + len(people)
        rank[people] = _content_rank(parts)
        order = np.lexsort((rank, -said, part))
        speaks = np.zeros(len(part), dtype=bool)
        speaks[order[np.concatenate([[True], part[order][1:] != part[order][:-1]])[: len(order)]]] = True
        ties = np.zeros(int(part.max(initial=-1)) + 1, dtype=np.int64)
        ties[part[speaks]] = rank[speaks]
        return speaks, ties

    def _sureness(
        self, held: _Held, matching: Matching, group: Ints, told: Told
    ) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
        """How each node came to its group: the largest part joined for certain is its core, others were matched."""
        method, confidence = np.full(held.size, LINK, dtype=object), np.ones(held.size)
        part = held.certain_part()
        frame = pd.DataFrame({"group": group, "part": part, "node": np.arange(held.size)})
        frame["size"] = frame.groupby(["group", "part"])["node"].transform("size")
        frame = frame.sort_values(["group", "size", "node"], ascending=[True, False, True])
        core = frame.groupby("group")["part"].transform("first")
        guests = np.sort(frame.loc[core != frame["part"], "node"].to_numpy())
        by_steward = np.isin(part[guests], part[np.concatenate([told.same, told.together]).ravel()])
        odds = _best_weights(matching.pairs, group, part)[guests]
        scored = np.maximum(1.0 / (1.0 + np.exp2(-np.clip(odds, -60, 60))), LEAST_CONFIDENCE)
        method[guests] = np.where(by_steward, STEWARD, MATCH)
        confidence[guests] = np.where(by_steward, 1.0, scored)
        self._keep_unreached(held, guests[guests < len(self.persons)], matching, method, confidence)
        return method, confidence

    def _keep_unreached(
        self, held: _Held, people: Ints, matching: Matching, method: NDArray[np.object_], sure: NDArray[np.float64]
    ) -> None:
        kept = people[~matching.reached[people]]
        place = self._known_places(held)[kept]
        kept, place = kept[place >= 0], place[place >= 0]
        method[kept] = self.known["method"].to_numpy(dtype=object)[place]
        sure[kept] = self.known["confidence"].to_numpy(dtype=np.float64)[place]

    def _known_places(self, held: _Held) -> Ints:
        """Where each person's number stands in the former assignment; -1 where it does not."""
        return places(key_text(self.known["kind"], self.known["token"]), held.person_keys)


@dataclass(frozen=True)
class _Held:
    """Who carries what: nodes are the people, then the strays: groups of records that share no key with them.

    Attributes:
        keys: linking keys on records, without default values, as `Records.keys` gives them.
        person_keys: kind and token of each person, in one text (see `key_place`).
        person_of_row: a person that the record names by number; -1 for none.
        person_rows: record and person, for every person that a record names.
        component: for a record that names no person, its group by keys that no such record carries; -1 without key.
        stray: node of each such component; -1 where it shares a key with a person.
        refused: keys refused as default values.
        rows: number of records.
    """

    keys: pd.DataFrame
    person_keys: pa.Array
    person_of_row: Ints
    person_rows: pd.DataFrame
    component: Ints
    stray: Ints
    refused: tuple[tuple[str, int], ...]
    rows: int

    @classmethod
    def of(cls, records: Records, persons: PersonRecords, max_members: int) -> _Held:
        keys = records.keys()
        keys, refused = without_default_values(keys[keys["kind"].isin(LINK_KINDS)], records, max_members)
        person_keys, rows = key_text(persons.frame["kind"], persons.frame["token"]), len(records.frame)
        distinct = keys.drop_duplicates("key")
        person_of_key = np.full(int(keys["key"].max()) + 1 if len(keys) else 0, -1, dtype=np.int64)
        person_of_key[distinct["key"]] = places(person_keys, key_text(distinct["kind"], distinct["token"]))
        person = person_of_key[keys["key"]]
        named = pd.DataFrame({"record": keys["record"].to_numpy(), "person": person})[person >= 0]
        # The kinds come in the order of LINK_KINDS, so the first number named is the strongest.
        first = named.drop_duplicates("record")
        person_of_row = np.full(rows, -1, dtype=np.int64)
        person_of_row[first["record"]] = first["person"]
        lone = keys[person_of_row[keys["record"]] < 0]
        owned = np.unique(keys.loc[person_of_row[keys["record"]] >= 0, "key"])
        component = _components(lone[~lone["key"].isin(owned)], lone["record"].unique(), rows)
        attached = np.unique(component[lone.loc[lone["key"].isin(owned), "record"]])
        count = int(component.max(initial=-1)) + 1
        stray = np.full(count, -1, dtype=np.int64)
        alone = np.setdiff1d(np.arange(count), attached)
        stray[alone] = len(persons) + np.arange(len(alone))
        return cls(keys, person_keys, person_of_row, named, component, stray, refused, rows)

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.person_keys) + int((self.stray >= 0).sum())

    def nodes_of(self, key: Key) -> Iterable[int]:
        """Return the nodes that carry a key."""
        place = self.person_keys.index("\0".join(key)).as_py()
        if place >= 0:
            return (int(place),)
        rows = self.keys.loc[(self.keys["kind"] == key[0]) & (self.keys["token"] == key[1]), "record"].to_numpy()
        people = self.person_of_row[rows]
        strays = self.stray[self.component[rows[(people < 0) & (self.component[rows] >= 0)]]]
        return [int(node) for node in np.unique(np.concatenate([people, strays])) if node >= 0]

    def certain_part(self) -> Ints:
        """Number the groups of people that certain keys alone join; each stray is one."""
        held = self.keys[self.keys["kind"].isin(CERTAIN_KINDS)]
        component = _components(held, held["record"].unique(), self.rows)
        part = np.arange(self.size, dtype=np.int64) + self.rows
        part[self.person_rows["person"]] = component[self.person_rows["record"]]
        return np.asarray(pd.factorize(part)[0], dtype=np.int64)

    def certain_links(self) -> Ints:
        """Return pairs of people that chain each certain part."""
        part = self.certain_part()
        order = np.argsort(part, kind="stable")
        same = part[order][1:] == part[order][:-1]
        return np.column_stack([order[:-1][same], order[1:][same]]).astype(np.int64).reshape(-1, 2)

    def labels(self, group: Ints) -> Ints:
        """Return the cluster of each record from the group of each node."""
        label = np.full(self.rows, -1, dtype=np.int64)
        named = self.person_of_row >= 0
        label[named] = group[self.person_of_row[named]]
        strays = (self.component >= 0) & (self.stray[self.component] >= 0) if len(self.stray) else self.component >= 0
        label[strays] = group[self.stray[self.component[strays]]]
        self._attach(label)
        known = label >= 0
        label[known] = pd.factorize(label[known])[0]
        return label

    def _attach(self, label: Ints) -> None:
        """Give records without a person the cluster of the keys that exactly one cluster has."""
        carried = self.keys.assign(cluster=label[self.keys["record"]])
        owners = carried[carried["cluster"] >= 0][["key", "cluster"]].drop_duplicates()
        owners = owners[~owners.duplicated("key", keep=False)]
        waiting = carried[carried["cluster"] < 0].drop(columns="cluster").merge(owners, on="key")
        if waiting.empty:
            return
        waiting = waiting.sort_values("record", kind="stable")
        waiting["component"] = self.component[waiting["record"]]
        met = waiting.groupby("component")["cluster"].agg(["first", "nunique"])
        agreed = met.loc[met["nunique"] == 1, "first"]
        open_rows = np.flatnonzero((label < 0) & np.isin(self.component, agreed.index))
        label[open_rows] = agreed.reindex(self.component[open_rows]).to_numpy()
        strongest = waiting[label[waiting["record"]] < 0].drop_duplicates("record")
        label[strongest["record"]] = strongest["cluster"]


def _components(keys: pd.DataFrame, records: Ints, size: int) -> Ints:
    """Number the connected components of the records over the keys; -1 for other records."""
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
    """The greatest weight between the certain part of a node and the rest of its group; minus infinity without any."""
    joins = (group[pairs.left] == group[pairs.right]) & (part[pairs.left] != part[pairs.right])
    best = np.full(int(part.max(initial=-1)) + 1, -np.inf)
    for ends in (pairs.left, pairs.right):
        np.maximum.at(best, part[ends[joins]], pairs.weight[joins])
    return np.asarray(best[part])


def _content_rank(parts: pd.DataFrame) -> Ints:
    """Number people in an order that follows from what is said of them alone.

    Households are tokens, which follow from the secret, and count for nothing. Who says the same stands as the rows do.
    """
    digest = np.zeros(len(parts), dtype=np.uint64)
    for name in parts.columns:
        if name != "household":
            values = hash_array(parts[name].fillna("").astype(object).to_numpy(), categorize=True)
            digest = digest * np.uint64(0x9E3779B97F4A7C15) + values
    rank = np.empty(len(parts), dtype=np.int64)
    rank[np.argsort(digest, kind="stable")] = np.arange(len(parts))
    return rank


def _parted(part: Ints, never: Ints) -> Ints:
    """Number the parts anew, so that each node of a part that holds a forbidden pair is one by itself."""
    broken = np.isin(part, part[never[part[never[:, 0]] == part[never[:, 1]]].ravel()])
    own = np.where(broken, part.max(initial=-1) + 1 + np.arange(len(part)), part)
    return np.asarray(np.unique(own, return_inverse=True)[1], dtype=np.int64)


def _joined(group: Ints, same: Ints, never: Ints) -> Ints:
    """Join whole groups that a steward calls one, so that nobody falls out of them; not where that breaks a never-link.

    Groups are named by their smallest member, as `cluster` names them.
    """
    joined = components(len(group), group[same[:, 0]], group[same[:, 1]])[group]
    broken = joined[never[joined[never[:, 0]] == joined[never[:, 1]]].ravel()]
    return np.where(np.isin(joined, broken), group, joined)


def _inside(place: Ints, pairs: Ints) -> Ints:
    moved = place[pairs]
    return np.asarray(moved[(moved >= 0).all(axis=1) & (moved[:, 0] != moved[:, 1])])


def _within(place: Ints, pairs: ScoredPairs, chosen: Bools) -> ScoredPairs:
    left, right = place[pairs.left[chosen]], place[pairs.right[chosen]]
    both = (left >= 0) & (right >= 0) & (left != right)
    return ScoredPairs(left[both], right[both], pairs.weight[chosen][both])
