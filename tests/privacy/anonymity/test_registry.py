from __future__ import annotations

import datetime as dt
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from privacy.anonymity import Spec
from privacy.anonymity.errors import AnonymityError, SpecError
from privacy.anonymity.registry import ReleaseRegistry
from privacy.storage import document_store
from tests.privacy.anonymity.random_release import random_table

NOW = dt.datetime(2017, 12, 31, tzinfo=dt.UTC)


def make_spec(k: int = 4) -> Spec:
    columns = {
        "region": {"role": "quasi"},
        "sex": {"role": "quasi"},
        "age": {"role": "quasi", "is_ordered": True},
        "illness": {"role": "sensitive"},
    }
    models = [{"name": "k_anonymity", "k": k}, {"name": "distinct_l", "l": 2, "column": "illness"}]
    return Spec.model_validate({"columns": columns, "models": models, "person": "member"})


def intersections(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Returns the number of people in both classes, for each pair of a class of `first` and a class of `second`."""
    labels = ["region", "sex", "age"]
    one = first.groupby(labels).ngroup().rename("one")
    two = second.groupby(labels).ngroup().rename("two")
    both = pd.concat([one, two], axis=1).dropna()
    return both.groupby(["one", "two"]).size()


def test_joining_two_releases_leaves_every_person_among_k(tmp_path: Path) -> None:
    everyone = random_table(9, rows=300).assign(member=[f"m{i}" for i in range(300)])
    registry = ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW)
    first = registry.release("customers", everyone.iloc[:200], make_spec(), "university")
    later = everyone.drop(index=[5, 17, 60])
    second = registry.release("customers", later, make_spec(), "ministry")
    shared = first.index.intersection(second.index)
    assert (first.loc[shared, ["region", "sex", "age"]] == second.loc[shared, ["region", "sex", "age"]]).all(axis=None)
    assert intersections(first, second).min() >= 4
    assert len(second) > 220
    assert [r.recipient for r in registry.releases("customers")] == ["university", "ministry"]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"m17" not in stored


def test_independent_releases_can_be_joined(tmp_path: Path) -> None:
    """Negative control: without the registry, joining the same two versions identifies people."""
    from privacy.anonymity import anonymize

    everyone = random_table(9, rows=300).assign(member=[f"m{i}" for i in range(300)])
    first = anonymize(everyone.iloc[:200], make_spec()).table
    second = anonymize(everyone.drop(index=[5, 17, 60]), make_spec()).table
    assert intersections(first, second).min() < 4


LABELS = ["region", "sex", "age"]


def learnt_by_subtraction(first: pd.DataFrame, second: pd.DataFrame, left: pd.Index, truth: pd.Series) -> int:
    """Returns for how many of the people who left the attack on two versions gives their sensitive value exactly.

    The attacker knows a person's class in the first version and removes from its values those of the same class in the
    second version. One value that remains is the person's.
    """
    before, after = (table.groupby(LABELS)["illness"].apply(list).to_dict() for table in (first, second))
    found = 0
    for person in left.intersection(first.index):
        labels = tuple(first.loc[person, LABELS])
        if labels not in after:
            continue
        rest = list(before[labels])
        for value in after[labels]:
            if value in rest:
                rest.remove(value)
        found += rest == [truth[person]]
    return found


def test_subtracting_two_versions_reveals_no_value_of_a_person_who_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everyone = make_people()
    left = everyone.index[::15]
    remaining = everyone.drop(index=left)

    def versions(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        made = ReleaseRegistry(folder, b"k" * 32, lambda: NOW)
        first = made.release("customers", everyone, make_spec(), "university")
        return first, made.release("customers", remaining, make_spec(), "university")

    first, second = versions(tmp_path / "sound")
    assert learnt_by_subtraction(first, second, left, everyone["illness"]) == 0
    # The versions differ in whole classes only.
    assert set(second.groupby(LABELS).size().items()) <= set(first.groupby(LABELS).size().items())
    # Negative control: classes that go on without those who left, as long as the rest satisfies the models.
    monkeypatch.setattr(ReleaseRegistry, "_is_as_it_was", lambda *_: True)
    first, second = versions(tmp_path / "broken")
    assert learnt_by_subtraction(first, second, left, everyone["illness"]) > 0


def test_a_class_waits_while_a_value_of_it_is_changed_and_returns_when_it_is_as_it_was(tmp_path: Path) -> None:
    everyone = make_people()
    made = ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW)
    first = made.release("customers", everyone, make_spec(), "university")
    person = first.index[0]
    changed = everyone.copy()
    changed.loc[person, "illness"] = next(
        v for v in everyone["illness"].unique() if v != everyone.loc[person, "illness"]
    )
    second = made.release("customers", changed, make_spec(), "university")
    gone = first.index.difference(second.index)
    assert person in gone
    assert first.loc[gone].groupby(LABELS).ngroups == 1
    again = made.release("customers", everyone.sample(frac=1, random_state=3), make_spec(), "university")
    assert set(again.index) == set(first.index)


def test_a_release_without_unique_people_is_refused(tmp_path: Path) -> None:
    table = random_table(9, rows=30).assign(member="same")
    with pytest.raises(SpecError, match="different and filled"):
        ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW).release("t", table, make_spec(), "x")


def make_people() -> pd.DataFrame:
    return random_table(9, rows=300).assign(member=[f"m{i}" for i in range(300)])


def release_and_die(folder: Path, people: pd.DataFrame, file: str, is_written: bool) -> int:
    """Release in another process, which is killed before or after it writes a file; return its wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    write = document_store.replace_public

    def write_or_die(path: Path, content: bytes, *, is_durable: bool) -> None:
        if is_written or not path.name.endswith(file):
            write(path, content, is_durable=is_durable)
        else:
            path.with_name(f".{path.name}.1a2b3c4d").write_bytes(content[: len(content) // 2])
        if path.name.endswith(file):
            os.kill(os.getpid(), signal.SIGKILL)

    document_store.replace_public = write_or_die  # type: ignore[assignment]
    ReleaseRegistry(folder, b"k" * 32, lambda: NOW).release("customers", people, make_spec(), "ministry")
    os._exit(0)


@pytest.mark.parametrize("is_written", [False, True])
@pytest.mark.parametrize("file", ["-2.parquet", "release.jsonl"])
def test_a_killed_release_is_either_recorded_or_absent(tmp_path: Path, file: str, is_written: bool) -> None:
    everyone = make_people()
    release_registry = ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW)
    first = release_registry.release("customers", everyone.iloc[:200], make_spec(), "university")
    tokens = {release_registry.token(member) for member in everyone.loc[first.index, "member"]}
    assert release_registry.published("customers") == tokens
    ended = release_and_die(tmp_path, everyone.drop(index=[5, 17]), file, is_written)
    assert os.WTERMSIG(ended) == signal.SIGKILL
    is_recorded = file == "release.jsonl" and is_written
    assert len(release_registry.releases("customers")) == 1 + is_recorded
    # Without the log's entry nothing of it counts: who is in the newest version is who was in the first.
    assert (release_registry.published("customers") == tokens) is not is_recorded
    later = release_registry.release("customers", everyone.drop(index=[5, 17, 60]), make_spec(), "ministry")
    assert intersections(first, later).min() >= 4
    assert [release.version for release in release_registry.releases("customers")] == list(range(1, 3 + is_recorded))
    assert release_registry.published("customers") == {
        release_registry.token(member) for member in everyone.loc[later.index, "member"]
    }
    assert len(list(tmp_path.glob("*.parquet"))) == 1


def test_a_second_release_waits_for_the_first_and_sees_it(tmp_path: Path) -> None:
    """If both were a first release, they could be joined."""
    everyone = make_people()
    release_registry = ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW)
    release_registry.release("other", everyone, make_spec(), "warm-up")

    def release(rows: slice) -> pd.DataFrame:
        own = ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW)
        return own.release("customers", everyone.iloc[rows], make_spec(), "somebody")

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(release, [slice(0, 200), slice(50, 300)])
    assert [release.version for release in release_registry.releases("customers")] == [1, 2]
    assert intersections(one, two).min() >= 4


def test_a_missing_file_of_an_earlier_release_refuses_the_next(tmp_path: Path) -> None:
    everyone = make_people()
    release_registry = ReleaseRegistry(tmp_path, b"k" * 32, lambda: NOW)
    release_registry.release("customers", everyone.iloc[:200], make_spec(), "university")
    next(tmp_path.glob("*.parquet")).unlink()
    with pytest.raises(AnonymityError, match="restore it from a backup"):
        release_registry.release("customers", everyone, make_spec(), "ministry")
