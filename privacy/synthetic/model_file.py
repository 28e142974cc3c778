"""Saves and loads fitted models: JSON and plain arrays in a zip file, sealed with the installation's key. No pickle.

seal = HMAC-SHA256(key, SHA-256 of every part, in order). A model file holds noisy measurements and what was computed
from them: no row that it was fitted on, and no statistic without noise.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from privacy.storage.atomic_file import replace_public
from privacy.synthetic.errors import DamagedModel
from privacy.synthetic.event.generation import Rhythm
from privacy.synthetic.event.private_history import PrivateHistory
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.marginal.merging import Merging
from privacy.synthetic.marginal.model import MarginalModel
from privacy.synthetic.private_table import PrivateTable
from privacy.synthetic.specification import Specification

FORMAT = 1
_MANIFEST, _SEAL = "model.json", "seal"
_RHYTHM = ("first", "gap", "weekday", "size", "size_low", "size_high", "item", "renewal", "patience")
# What zipfile and NumPy raise for files with wrong bytes.
_UNREADABLE = (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, ValueError,
               NotImplementedError, RuntimeError)  # fmt: skip
Model = PrivateTable | PrivateHistory


def save_model(model: Model, path: Path, key: bytes) -> str:
    """Write a model, in one step; return the SHA-256 of its content."""
    parts = _parts(model)
    digest = _digest(parts)
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**parts, _SEAL: _seal(digest, key).encode()}.items():
            # A fixed time, so that equal models are equal files.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    replace_public(path, whole.getvalue())
    return digest


def model_digest(model: Model) -> str:
    """Return the SHA-256 of a model's content, which its file has and the ledger records."""
    return _digest(_parts(model))


def _parts(model: Model) -> dict[str, bytes]:
    arrays: dict[str, Any] = {}
    content = _of_history(model, arrays) if isinstance(model, PrivateHistory) else _of_table(model, arrays, "")
    parts = {_MANIFEST: json.dumps({"format": FORMAT, "kind": model.kind, **content}, ensure_ascii=False).encode()}
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
        parts[f"{name}.npy"] = buffer.getvalue()
    return parts


def load_model(path: Path, key: bytes, expected: str | None = None) -> Model:
    """Return the model of a file; `expected` is the SHA-256 of its content, see `FitRecord`.

    Raises:
        DamagedModel: the file is no model, was changed, was sealed by another installation, or is another model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    seal, digest = parts.pop(_SEAL, b""), _digest(parts)
    if not hmac.compare_digest(seal, _seal(digest, key).encode()):
        raise DamagedModel(
            f"{path.name} was changed after it was saved, or another installation saved it; use the original file"
        )
    if expected not in (None, digest):
        raise DamagedModel(f"{path.name} is another model than the ledger recorded; use the file of that fit")
    content = json.loads(parts[_MANIFEST])
    if content["format"] != FORMAT:
        raise DamagedModel(f"{path.name} has format {content['format']}, this version reads {FORMAT}; fit it again")
    try:
        arrays = {name.removesuffix(".npy"): np.load(io.BytesIO(data), allow_pickle=False)
                  for name, data in parts.items() if name != _MANIFEST}  # fmt: skip
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    return _history(content, arrays) if content["kind"] == PrivateHistory.kind else _table(content, arrays, "")


def _unreadable(path: Path, error: Exception) -> DamagedModel:
    return DamagedModel(f"{path.name} cannot be read as a model ({type(error).__name__}); restore it or use --again")


def _numbered(name: str, arrays: Iterable[Any]) -> dict[str, Any]:
    return {f"{name}_{number}": array for number, array in enumerate(arrays)}


def _of_table(model: PrivateTable, arrays: dict[str, Any], prefix: str) -> dict[str, Any]:
    arrays |= _numbered(f"{prefix}potential", model.model.potentials)
    arrays |= _numbered(f"{prefix}fine", model.fine.values())
    arrays |= _numbered(f"{prefix}merged", (one.merged for one in model.mergings.values()))
    arrays |= _numbered(f"{prefix}weights", (one.weights for one in model.mergings.values()))
    return {
        "specification": model.specification.model_dump(mode="json"),
        "sizes": dict(model.model.sizes),
        "cliques": [list(clique) for clique in model.model.cliques],
        "parents": list(model.model.parents),
        "total": model.model.total,
        "fine": list(model.fine),
        "merged": list(model.mergings),
        "scales": dict(model.scales),
    }


def _table(content: Mapping[str, Any], arrays: Mapping[str, Any], prefix: str) -> PrivateTable:
    cliques = tuple(tuple(clique) for clique in content["cliques"])
    potentials = tuple(arrays[f"{prefix}potential_{index}"] for index in range(len(cliques)))
    model = MarginalModel(content["sizes"], cliques, tuple(content["parents"]), potentials, content["total"])
    fine = {name: arrays[f"{prefix}fine_{number}"] for number, name in enumerate(content["fine"])}
    mergings = {
        name: Merging(arrays[f"{prefix}merged_{number}"], arrays[f"{prefix}weights_{number}"])
        for number, name in enumerate(content["merged"])
    }
    specification = Specification.model_validate(content["specification"])
    return PrivateTable(specification, model, mergings, fine, content["scales"])


def _of_history(model: PrivateHistory, arrays: dict[str, Any]) -> dict[str, Any]:
    arrays |= {"hour": model.hour, "hour_of_size": model.hour_of_size}
    arrays |= {f"rhythm_{name}": getattr(model.rhythm, name) for name in _RHYTHM}
    arrays |= _numbered("number", model.number.values())
    arrays |= _numbered("order", model.order.values())
    return {
        "specification": model.specification.model_dump(mode="json"),
        "people": _of_table(model.people, arrays, "people_"),
        "days": model.rhythm.days,
        "number": list(model.number),
        "order": list(model.order),
        "scales": dict(model.scales),
    }


def _history(content: Mapping[str, Any], arrays: Mapping[str, Any]) -> PrivateHistory:
    return PrivateHistory(
        EventSpecification.model_validate(content["specification"]),
        _table(content["people"], arrays, "people_"),
        Rhythm(content["days"], **{name: arrays[f"rhythm_{name}"] for name in _RHYTHM}),
        arrays["hour"],
        arrays["hour_of_size"],
        {name: arrays[f"number_{number}"] for number, name in enumerate(content["number"])},
        {name: arrays[f"order_{number}"] for number, name in enumerate(content["order"])},
        content["scales"],
    )


def _digest(parts: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(parts):
        whole.update(f"{len(name)}:{name}".encode())
        whole.update(hashlib.sha256(parts[name]).digest())
    return whole.hexdigest()


def _seal(digest: str, key: bytes) -> str:
    return hmac.new(key, b"synthetic model" + digest.encode(), hashlib.sha256).hexdigest()
