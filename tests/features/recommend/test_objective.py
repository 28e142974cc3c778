"""Objectives from YAML: the built-in ones, those of a contract folder, and faults with their place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.recommend.errors import ObjectiveFileError, UnknownObjectiveError
from features.recommend.objective import FILE, Objective, objective_named, read_objectives


def declared(folder: Path, text: str | bytes) -> Path:
    """Return the folder with a declaration of objectives."""
    folder.mkdir(exist_ok=True)
    Path(folder, FILE.name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def test_the_built_in_objectives_begin_with_relevance_that_weighs_nothing() -> None:
    found = read_objectives()
    assert next(iter(found.items())) == ("relevance", Objective())
    assert {"thrifty", "balanced", "discovery"} <= found.keys()


def test_the_last_folder_with_a_declaration_takes_its_place(tmp_path: Path) -> None:
    first = declared(tmp_path / "a", "objectives: {cheap: {price: 1}}")
    last = declared(tmp_path / "b", "objectives: {good: {quality: 0.5, new_slots: 2}}")
    (tmp_path / "c").mkdir()
    assert read_objectives([first, last, tmp_path / "c"]) == {"good": Objective(quality=0.5, new_slots=2)}
    assert read_objectives([first]) == {"cheap": Objective(price=1)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("objectives: {cheap: {prize: 1}}", "objectives.cheap.prize: Extra inputs"),
        ("objectives: {cheap: {price: -0.1}}", "objectives.cheap.price: Input should be greater"),
        ("objectives: {cheap: {price: 5.1}}", "objectives.cheap.price: Input should be less"),
        ("objectives: {cheap: {price: .nan}}", "objectives.cheap.price: Input should be"),
        ("objectives: {cheap: {price: .inf}}", "objectives.cheap.price: Input should be"),
        ("objectives: {cheap: {price: high}}", "objectives.cheap.price: Input should be a valid number"),
        ("objectives: {cheap: {new_slots: 21}}", "objectives.cheap.new_slots: Input should be less"),
        ("objectives: {cheap: {new_slots: 1.5}}", "objectives.cheap.new_slots: Input should be a valid integer"),
        ("objectives: {}", "objectives: Dictionary should have at least 1 item"),
        ("objectives: [cheap]", "objectives: Input should be a valid dictionary"),
        ("{}", "objectives: Field required"),
        ("", "the document: Input should be"),
        ("[1]", "the document: Input should be"),
        ("objectives: {automatic: {}}", "objectives.automatic"),
        ("objectives: {Low Price: {}}", "objectives.Low Price"),
        ("objectives: {1: {}}", "objectives.1"),
        ("a: [", "cannot be read: ParserError"),
        (b"\xff\xfe\x00", "cannot be read: UnicodeDecodeError"),
    ],
)  # fmt: skip
def test_a_fault_is_refused_with_its_place(tmp_path: Path, text: str | bytes, told: str) -> None:
    with pytest.raises(ObjectiveFileError) as caught:
        read_objectives([declared(tmp_path, text)])
    assert told in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_an_unknown_name_suggests_a_near_one_or_all() -> None:
    with pytest.raises(UnknownObjectiveError, match=r"Did you mean thrifty\?"):
        objective_named("thrify", read_objectives())
    with pytest.raises(UnknownObjectiveError, match="There are: relevance, thrifty, "):
        objective_named("x" * 1000, read_objectives())
    assert objective_named("thrifty", read_objectives()).price > 0


def test_the_bonus_is_the_weighted_sum_of_the_traits() -> None:
    traits = {"price": np.array([1.0, 0.0]), "quality": np.array([0.0, 2.0]), "convenience": np.array([4.0, 4.0])}
    assert Objective(price=1, quality=2, convenience=0.5).bonus(traits).tolist() == [3.0, 6.0]
    assert Objective().bonus(traits).tolist() == [0.0, 0.0]
