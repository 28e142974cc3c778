"""The purpose taxonomy: purposes for which personal data may be used, their legal basis, and their overrides."""

from __future__ import annotations

from importlib import resources
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from privacy.consent.errors import RuleError, UnknownPurposeError
from privacy.consent.law import Item

Basis = Literal["contract", "legal_duty", "consent", "legitimate_interest", "statute"]
Override = Literal["objection", "restriction"]


class Purpose(BaseModel):
    """One purpose. The keys are explained at the head of `purpose.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    meaning: Annotated[str, Field(min_length=5)]
    dpv: Annotated[str, Field(pattern=r"^dpv:[A-Za-z]+$")]
    basis: Basis
    article: str | None = None
    rests_on: Annotated[tuple[str, ...], Field(max_length=1)] = ()
    item: Item
    form: Literal["pseudonymised"] | None = None
    yields_to: tuple[Override, ...]

    @model_validator(mode="after")
    def _names_its_law(self) -> Purpose:
        if self.basis in {"legal_duty", "statute"} and not self.article:
            raise ValueError(f"got the basis {self.basis} without an article; name the law that demands or allows it")
        if self.rests_on and self.basis != "consent":
            raise ValueError(
                f"got rests_on with the basis {self.basis}; only the basis consent can rest on another consent"
            )
        if self.basis == "consent" and set(self.yields_to) != {"objection", "restriction"}:
            raise ValueError(
                "a purpose that rests on consent yields to objection and restriction; list both in yields_to"
            )
        return self


class Taxonomy(BaseModel):
    """All purposes by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    purposes: dict[str, Purpose]

    @model_validator(mode="after")
    def _rests_on_known_consents(self) -> Taxonomy:
        for name, purpose in self.purposes.items():
            for other in purpose.rests_on:
                base = self.purposes.get(other)
                if base is None or base.basis != "consent" or base.rests_on:
                    raise ValueError(f"{name} rests on {other}; expected a purpose with a consent of its own")
        return self

    def __getitem__(self, name: str) -> Purpose:
        """Return the purpose of that name.

        Raises:
            UnknownPurposeError: there is no such purpose.
        """
        if name not in self.purposes:
            known = ", ".join(self.purposes)
            raise UnknownPurposeError(
                f"Got the purpose {name!r}; expected one of {known} (privacy/consent/purpose.yaml)."
            )
        return self.purposes[name]

    def consent_of(self, name: str) -> str | None:
        """Return the purpose whose consent records permit this one; None when it does not rest on consent."""
        purpose = self[name]
        if purpose.basis != "consent":
            return None
        return purpose.rests_on[0] if purpose.rests_on else name

    def with_item(self, item: Item) -> frozenset[str]:
        """Return the purposes of one kind: `required` by the service, or `optional`, which a person may refuse."""
        return frozenset(name for name, purpose in self.purposes.items() if purpose.item == item)


def read_taxonomy(text: str, name: str) -> Taxonomy:
    """Return the taxonomy of a YAML file; `name` is the file name, for messages.

    Raises:
        RuleError: names every fault of the file.
    """
    try:
        return Taxonomy.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise RuleError(f"{name}: cannot be read as YAML; correct it: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RuleError(f"{name}: {faults}. The keys are explained at the head of purpose.yaml.") from error


def built_in_taxonomy() -> Taxonomy:
    """Return the purposes that come with Bojagi."""
    return read_taxonomy(resources.files(__package__).joinpath("purpose.yaml").read_text("utf-8"), "purpose.yaml")
