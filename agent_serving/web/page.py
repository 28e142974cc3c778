"""Renders pages from templates. Every value is escaped; texts stand in both languages in a template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from privacy.rights.wording import Language

STYLE_SHEET = resources.files(__package__).joinpath("static", "base.css").read_bytes()
"""The rules that all sites share; each adds its own."""


class Pages:
    """The templates of one site, and those that sites share. Any number of threads may use it."""

    def __init__(self, package: str, names: Mapping[str, Any], time_zone: str) -> None:
        """Take the package with the folder `template`, the names that every template may use, and the shop's zone."""
        loaders = [PackageLoader(one, "template") for one in (package, str(__package__))]
        self.environment = Environment(
            loader=ChoiceLoader(loaders), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        self.environment.globals |= names
        self._zone = ZoneInfo(time_zone)

    def render(self, template: str, language: Language, path: str, content: Mapping[str, Any]) -> str:
        """Return a page as HTML."""

        def say(english: str, korean: str) -> str:
            return korean if language == "ko" else english

        helpers: dict[str, Any] = {
            "say": say, "language": language, "other": "en" if language == "ko" else "ko",
            "wording": lambda wording: wording.text(language), "day": lambda when: self.day(when, language),
            "moment": lambda when: self.moment(when, language), "here": path,
        }  # fmt: skip
        return self.environment.get_template(f"{template}.html.j2").render({**helpers, **content})

    def day(self, when: date | datetime, language: Language) -> str:
        """Return a day; of an instant, the day in the shop's zone."""
        day = when.astimezone(self._zone).date() if isinstance(when, datetime) and when.tzinfo else when
        if language == "ko":
            return f"{day.year}년 {day.month}월 {day.day}일"
        return f"{day.day} {day:%B %Y}"

    def moment(self, when: datetime, language: Language) -> str:
        """Return day and time, in the shop's zone."""
        local = when.astimezone(self._zone) if when.tzinfo else when
        return f"{self.day(local, language)} {local:%H:%M}"
