"""Reads the YAML file of `bojagi synth fit`: columns with public domains, and the guarantee.

Its keys tell three forms apart: with `source` a request for lakehouse tables (`pipelines.synthetic.request`), with
`item` people and their events in two files (`EventSpecification`), otherwise one file (`Specification`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.synthetic.request import SyntheticRequest
from privacy.synthetic.errors import BadSpecification
from privacy.synthetic.event.specification import EventSpecification
from privacy.synthetic.fit import AnySpecification
from privacy.synthetic.specification import Specification


def read_spec(path: Path) -> SyntheticRequest | AnySpecification:
    """Return the request or specification of a file.

    Raises:
        BadSpecification: it is not valid; the message lists each fault with its place.
    """
    try:
        form: Any = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise BadSpecification(f"{path.name} is not YAML in UTF-8: {' '.join(str(error).split())}") from error
    if not isinstance(form, dict) or ("columns" not in form and "people" not in form):
        raise BadSpecification(
            f"{path.name}: expected a mapping with `columns`, such as `columns: {{age: {{kind: number, minimum: 0, "
            "maximum: 110, decimals: 0}, sex: {kind: category, values: [F, M]}}`; see docs/synthetic.md"
        )
    kind: type[SyntheticRequest] | type[EventSpecification] | type[Specification] = Specification
    if "source" in form:
        kind = SyntheticRequest
    elif "item" in form:
        kind = EventSpecification
    if kind is not SyntheticRequest:
        form.setdefault("origin", path.name)
    try:
        return kind.model_validate(form)
    except ValidationError as error:
        raise BadSpecification(f"{path.name} is not valid: {faults(error)}") from error


def faults(error: ValidationError) -> str:
    """Return each fault with its place."""
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
