"""Reads the laws on requests from `law.yaml`: periods, extensions and grounds of refusal."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Annotated

import yaml
from pydantic import Field, model_validator

from privacy.rights.errors import InvalidSubmissionError, RightsRefusedError
from privacy.rights.request import Frozen, Right
from privacy.rights.wording import Language


class Text(Frozen):
    """A text in both languages."""

    en: Annotated[str, Field(min_length=2)]
    ko: Annotated[str, Field(min_length=2)]

    def text(self, language: Language) -> str:
        """Return the text in one language."""
        return self.ko if language == "ko" else self.en


class Period(Frozen):
    """A time for the answer, in months or in days."""

    article: str
    months: Annotated[int, Field(ge=1)] | None = None
    days: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _has_one_unit(self) -> Period:
        if (self.months is None) == (self.days is None):
            raise ValueError("expected either months or days")
        return self


class Extension(Frozen):
    """How often a period can be extended, and by how much; `until_stated`: until a day that the officer states."""

    article: str
    times: Annotated[int, Field(ge=1)]
    months: int | None = None
    days: int | None = None
    until_stated: bool = False


class Ground(Text):
    """A ground of refusal: its article, the rights it applies to, and the sentence for the person."""

    article: str
    rights: tuple[Right, ...]


class RequestLaw(Frozen):
    """One law; see the head of `law.yaml`."""

    name: Text
    jurisdictions: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...]
    rolls_by: str
    complaint: Text
    periods: dict[str, Period]
    extensions: dict[Right, Extension]
    grounds: dict[str, Ground]

    def period(self, right: Right) -> Period:
        """Return the time for the answer to a request for this right."""
        return self.periods.get(right, self.periods["default"])

    def ground(self, name: str, right: Right) -> Ground:
        """Return a ground of refusal.

        Raises:
            RightsRefusedError: the law has no such ground for this right.
        """
        ground = self.grounds.get(name)
        if ground is None or right not in ground.rights:
            known = ", ".join(title for title, one in self.grounds.items() if right in one.rights)
            raise RightsRefusedError(
                f"{name!r} is no ground to refuse a request for {right} under the {self.name.en}; expected {known}."
            )
        return ground


class RequestLaws(Frozen):
    """All laws by name."""

    laws: dict[str, RequestLaw]

    def of(self, jurisdiction: str) -> RequestLaw:
        """Return the law that governs requests of a country.

        Raises:
            InvalidSubmissionError: no law is known for the country.
        """
        for law in self.laws.values():
            if jurisdiction in law.jurisdictions:
                return law
        known = ", ".join(sorted(country for law in self.laws.values() for country in law.jurisdictions))
        raise InvalidSubmissionError(f"jurisdiction: got {jurisdiction!r}; expected one of {known}.")


@cache
def built_in_request_laws() -> RequestLaws:
    """Return the laws that come with Bojagi; the same object every time."""
    text = resources.files(__package__).joinpath("law.yaml").read_text("utf-8")
    return RequestLaws.model_validate(yaml.safe_load(text))
