"""Generates a source, its files, and a changed contract for it, from a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

Spec = dict[str, Any]
Specs = dict[str, Spec]
_WORDS = ("red", "blue", "세트", "12", "7.5", "2017-05-06", "x" * 30, "")
_TYPES = ("int", "bigint", "decimal(8,2)", "decimal(12,4)", "decimal(5,1)", "string", "date", "timestamp_ntz", "double")
ROWS = 4


@dataclass
class Generated:
    """A source before and after a change. `content` is a file with all columns of the contract before."""

    before: Specs
    after: Specs
    content: str
    subject_after: str = "phone"
    done: list[str] = field(default_factory=list)


def generate(seed: int) -> Generated:
    """Return the source and the change of a seed."""
    rng = Random(seed)
    columns: Specs = {
        "sale_id": {"physical": "string", "primaryKey": True, "required": True},
        "phone": {"physical": "string", "token": "phone", "identifierRole": "direct", "category": "pd:TelephoneNumber"},
        "note": {"physical": "string", "encrypted": "true"},
        "sold_at": {"physical": "timestamp_ntz", "required": True, "touchpointRole": "event_time"},
    }
    for number in range(3):
        columns[f"c{number}"] = {"physical": rng.choice(_TYPES)}
    lines = [",".join(columns)]
    lines += [",".join(_text(name, spec, row, rng) for name, spec in columns.items()) for row in range(ROWS)]
    after = {name: dict(spec) for name, spec in columns.items()}
    made = Generated(columns, after, "\n".join(lines) + "\n")
    for step in rng.sample(_STEPS, rng.randint(1, 3)):
        step(made, rng)
    return made


def _text(name: str, spec: Spec, row: int, rng: Random) -> str:
    if name == "sale_id":
        return f"s{row}"
    if name == "phone":
        return rng.choice(["", f"010-1234-000{row % 2}"])
    if name == "sold_at":
        return f"2017-03-0{row + 1} 10:00:00"
    if rng.random() < 0.2 and not spec.get("required"):
        return ""
    kind = spec["physical"]
    if kind == "int":
        return str(rng.choice([0, 7, 99, -3, 2**31 - 1]))
    if kind == "bigint":
        return str(rng.choice([0, 7, 99, 2**40, 10**17]))
    if kind.startswith("decimal"):
        scale = int(kind[:-1].split(",")[1])
        whole = rng.choice(["0", "7", "120", "-9999"])
        return f"{whole}.{rng.choice(['0', '5', '25'])[:scale].ljust(scale, '0')}"
    if kind == "date":
        return f"2017-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}"
    if kind == "timestamp_ntz":
        return f"2017-0{rng.randint(1, 9)}-11 {rng.choice(['00:00:00', '10:20:30'])}"
    if kind == "double":
        return rng.choice(["0.5", "7.25", "1200.75"])
    return rng.choice(_WORDS)


def _plain_column(made: Generated, rng: Random) -> str | None:
    names = [name for name in made.after if name in made.before and name.startswith("c")]
    return rng.choice(names) if names else None


def _retype(made: Generated, rng: Random) -> None:
    if name := _plain_column(made, rng):
        made.after[name]["physical"] = rng.choice(_TYPES)
        for limit in ("maximum", "maxLength"):
            made.after[name].pop(limit, None)
        made.done.append(f"retype {name} to {made.after[name]['physical']}")


def _rename(made: Generated, rng: Random) -> None:
    names = [name for name in made.after if name in made.before and name not in ("sale_id", "sold_at")]
    if names:
        name = rng.choice(names)
        made.after = {
            (f"{name}_new" if one == name else one): (
                {**spec, "synonyms": [{"synonym": name}]} if one == name else spec
            )
            for one, spec in made.after.items()
        }
        if name == made.subject_after:
            made.subject_after = f"{name}_new"
        made.done.append(f"rename {name}")


def _drop(made: Generated, rng: Random) -> None:
    if name := _plain_column(made, rng):
        del made.after[name]
        made.done.append(f"drop {name}")


def _drop_note(made: Generated, rng: Random) -> None:
    if made.after.pop("note", None):
        made.done.append("drop note")


def _add(made: Generated, rng: Random) -> None:
    made.after["added"] = {"physical": rng.choice(_TYPES)}
    made.done.append("add")


def _add_absent(made: Generated, rng: Random) -> None:
    made.after["filled"] = {"physical": "string", "absentValue": "none"}
    made.done.append("add with absent value")


def _encrypt(made: Generated, rng: Random) -> None:
    if (name := _plain_column(made, rng)) and made.after[name]["physical"] == "string":
        made.after[name]["encrypted"] = "true"
        made.done.append(f"encrypt {name}")


def _decrypt(made: Generated, rng: Random) -> None:
    if "note" in made.after:
        made.after["note"].pop("encrypted", None)
        made.done.append("decrypt note")


def _tokenise(made: Generated, rng: Random) -> None:
    if (name := _plain_column(made, rng)) and made.after[name]["physical"] == "string":
        made.after[name]["token"] = "device_id"
        made.done.append(f"tokenise {name}")


def _limit(made: Generated, rng: Random) -> None:
    if name := _plain_column(made, rng):
        kind = made.after[name]["physical"]
        if kind == "string":
            made.after[name]["maxLength"] = 4
        elif kind in ("int", "bigint", "double") or kind.startswith("decimal"):
            made.after[name]["maximum"] = 100
        made.done.append(f"limit {name}")


def _require(made: Generated, rng: Random) -> None:
    if name := _plain_column(made, rng):
        made.after[name]["required"] = True
        made.done.append(f"require {name}")


_STEPS: list[Callable[[Generated, Random], None]] = [
    _retype, _rename, _drop, _drop_note, _add, _add_absent, _encrypt, _decrypt, _tokenise, _limit, _require, _retype,
]  # fmt: skip
