"""A saved model gives the same rows again, and a file that was altered is refused."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from privacy.synthetic.errors import DamagedModel
from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.model_file import _digest, _seal, load_model, save_model
from privacy.synthetic.private_table import PrivateTable
from tests.privacy.synthetic.people import draw_people, people_specification

KEY = b"k" * 32


@pytest.fixture
def saved(table_model: PrivateTable, tmp_path: Path) -> Path:
    save_model(table_model, tmp_path / "model.zip", KEY)
    return tmp_path / "model.zip"


def test_a_loaded_model_gives_the_same_rows_for_the_same_seed(table_model: PrivateTable, saved: Path) -> None:
    loaded = load_model(saved, KEY)
    assert isinstance(loaded, PrivateTable)
    assert pa.concat_tables(loaded.sample(900, 3)).equals(pa.concat_tables(table_model.sample(900, 3)))
    assert loaded.guarantee == table_model.guarantee


def test_a_loaded_history_gives_the_same_events_for_the_same_seed(
    history_model: PrivateHistory, tmp_path: Path
) -> None:
    save_model(history_model, tmp_path / "model.zip", KEY)
    loaded = load_model(tmp_path / "model.zip", KEY)
    assert isinstance(loaded, PrivateHistory)
    for made, expected in zip(loaded.sample(300, 1), history_model.sample(300, 1), strict=True):
        assert made[0].equals(expected[0])
        assert made[1].equals(expected[1])


def test_equal_models_are_equal_files(table_model: PrivateTable, saved: Path, tmp_path: Path) -> None:
    save_model(table_model, tmp_path / "again.zip", KEY)
    assert (tmp_path / "again.zip").read_bytes() == saved.read_bytes()


def test_a_byte_that_was_changed_anywhere_is_noticed(table_model: PrivateTable, saved: Path) -> None:
    whole = saved.read_bytes()
    rows = pa.concat_tables(table_model.sample(50, 0))
    for place in range(0, len(whole), max(1, len(whole) // 60)):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        try:
            loaded = load_model(saved, KEY)
        except DamagedModel:
            continue
        # A change of the archive's own fields, such as a time, changes nothing of the content.
        assert isinstance(loaded, PrivateTable)
        assert pa.concat_tables(loaded.sample(50, 0)).equals(rows)


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_parts(path: Path, parts: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def rewritten(parts: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    manifest = json.loads(parts["model.json"]) | changes
    return {**parts, "model.json": json.dumps(manifest).encode()}


def test_changed_content_is_refused(saved: Path) -> None:
    parts = parts_of(saved)
    write_parts(saved, rewritten(parts, total=1))
    with pytest.raises(DamagedModel, match="was changed after it was saved"):
        load_model(saved, KEY)
    write_parts(saved, {name: data for name, data in parts.items() if name != "potential_0.npy"})
    with pytest.raises(DamagedModel, match="was changed after it was saved"):
        load_model(saved, KEY)


def test_a_file_of_another_installation_is_refused(saved: Path) -> None:
    with pytest.raises(DamagedModel, match="another installation saved it"):
        load_model(saved, b"x" * 32)


def test_a_file_cut_off_and_a_file_of_something_else_are_refused(saved: Path, tmp_path: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:-50])
    (tmp_path / "text").write_text("name,age")
    for path in (saved, tmp_path / "text", tmp_path / "absent"):
        with pytest.raises(DamagedModel, match="cannot be read as a model"):
            load_model(path, KEY)


def test_another_model_than_the_recorded_one_is_refused(saved: Path) -> None:
    with pytest.raises(DamagedModel, match="is another model than the ledger recorded"):
        load_model(saved, KEY, "0" * 64)


def test_a_pickled_object_is_refused_even_under_the_right_seal(saved: Path) -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    parts: dict[str, Any] = {**parts_of(saved), "potential_0.npy": buffer.getvalue()}
    del parts["seal"]
    write_parts(saved, {**parts, "seal": _seal(_digest(parts), KEY).encode()})
    with pytest.raises(DamagedModel, match="cannot be read as a model"):
        load_model(saved, KEY)


def test_a_model_of_a_later_format_is_refused(saved: Path) -> None:
    parts = rewritten(parts_of(saved), format=99)
    del parts["seal"]
    write_parts(saved, {**parts, "seal": _seal(_digest(parts), KEY).encode()})
    with pytest.raises(DamagedModel, match="has format 99"):
        load_model(saved, KEY)


def values_of(path: Path) -> set[float]:
    """Return every number of a model file."""
    arrays = [np.load(io.BytesIO(data)) for name, data in parts_of(path).items() if name.endswith(".npy")]
    return {float(value) for array in arrays for value in np.ravel(array)}


def test_a_model_file_holds_no_identifier_and_no_exact_count(saved: Path) -> None:
    content = b"".join(parts_of(saved).values())
    people = draw_people(5000, 1)
    assert not any(person.encode() in content for person in people["person"].to_pylist()[100:])
    exact = {float(count) for count in people.to_pandas().groupby(["place", "plan"]).size()}
    assert not exact & values_of(saved)


def test_an_exact_count_in_a_model_file_would_be_found(table_model: PrivateTable, tmp_path: Path) -> None:
    exact = draw_people(5000, 1).to_pandas().groupby(["place", "plan"]).size().to_numpy(float)
    leaking = PrivateTable(people_specification(), table_model.model, {}, {"age": exact}, table_model.scales)
    save_model(leaking, tmp_path / "leak.zip", KEY)
    assert set(map(float, exact)) <= values_of(tmp_path / "leak.zip")
