"""The person whom a request concerns, as the platform knows the person."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from privacy.protection.scan.needle import Needle


class ErasureForm(StrEnum):
    """How rows about a person are erased.

    `delete` removes the rows. `anonymise` keeps them without any identifier, token or customer id, so that statistics
    over past periods stay right; a store that cannot do that safely deletes.
    """

    DELETE = "delete"
    ANONYMISE = "anonymise"


@dataclass(frozen=True)
class Subject:
    """Every identifier of one person. `repr` shows only the reference, which is random and may be logged.

    Attributes:
        reference: names the person in requests, logs and certificates; it starts with `s_`.
        customer_ids: every customer id that the person has or had.
        source_persons: `<source>:<token>`, the owners of the person's data keys.
        tokens: matching keys (kind, token) that only this person has.
        shared_tokens: matching keys that other persons have as well; they are never deleted with this person.
        needles: identifiers in clear, which scans look for. They stay in memory; see `sealed_text`.
        form: how rows are erased.
    """

    reference: str
    customer_ids: tuple[str, ...] = field(default=(), repr=False)
    source_persons: tuple[str, ...] = field(default=(), repr=False)
    tokens: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    shared_tokens: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    needles: tuple[Needle, ...] = field(default=(), repr=False)
    form: ErasureForm = ErasureForm.DELETE

    def sealed_text(self) -> str:
        """Return the subject as JSON with everything in clear. Callers encrypt it before they store it."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_sealed_text(cls, text: str) -> Subject:
        """Return the subject that `sealed_text` wrote.

        >>> subject = Subject("s_1", ("c_1",), needles=(Needle("email", "kim@example.com"),))
        >>> Subject.from_sealed_text(subject.sealed_text()) == subject, "c_1" in repr(subject)
        (True, False)
        """
        content: dict[str, Any] = json.loads(text)
        pairs = {name: tuple((str(k), str(v)) for k, v in content[name]) for name in ("tokens", "shared_tokens")}
        return cls(
            reference=content["reference"],
            customer_ids=tuple(content["customer_ids"]),
            source_persons=tuple(content["source_persons"]),
            tokens=pairs["tokens"],
            shared_tokens=pairs["shared_tokens"],
            needles=tuple(Needle(**needle) for needle in content["needles"]),
            form=ErasureForm(content["form"]),
        )

    def merged(self, other: Subject) -> Subject:
        """Return this subject with the identifiers of another look-up of the same person added.

        A token that either look-up found to be shared counts as shared.
        """
        shared = tuple(dict.fromkeys((*self.shared_tokens, *other.shared_tokens)))
        own = dict.fromkeys((*self.tokens, *other.tokens))
        return replace(
            self,
            customer_ids=tuple(dict.fromkeys((*self.customer_ids, *other.customer_ids))),
            source_persons=tuple(dict.fromkeys((*self.source_persons, *other.source_persons))),
            tokens=tuple(token for token in own if token not in shared),
            shared_tokens=shared,
            needles=tuple(dict.fromkeys((*self.needles, *other.needles))),
        )


def new_reference() -> str:
    """Return a reference that no two persons share."""
    return f"s_{secrets.token_hex(16)}"
