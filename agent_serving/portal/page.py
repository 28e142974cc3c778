"""Renders the portal's pages from templates. Every value is escaped; texts stand in both languages in a template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from agent_serving.portal import words
from privacy.rights.wording import Language

STYLE_SHEET = resources.files(__package__).joinpath("static", "portal.css").read_bytes()


class Pages:
    """The templates of one installation. Any number of threads may share it."""

    def __init__(self, controller: str, time_zone: str) -> None:
        self._environment = Environment(
            loader=PackageLoader(str(__package__), "template"), autoescape=True, undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        self._environment.globals |= {"controller": controller, "words": words}
        self._zone = ZoneInfo(time_zone)

    def render(self, template: str, language: Language, path: str, content: Mapping[str, Any]) -> str:
        """Return a page as HTML."""

        def say(english: str, korean: str) -> str:
            return korean if language == "ko" else english

        helpers: dict[str, Any] = {
            "say": say, "language": language, "other": "en" if language == "ko" else "ko",
            "wording": lambda wording: wording.text(language), "day": lambda when: self._day(when, language),
            "moment": lambda when: self._moment(when, language), "country": lambda code: words.country(code, language),
            "here": path,
        }  # fmt: skip
        return self._environment.get_template(f"{template}.html.j2").render({**helpers, **content})

    def _day(self, when: date | datetime, language: Language) -> str:
        day = when.astimezone(self._zone).date() if isinstance(when, datetime) and when.tzinfo else when
        if language == "ko":
            return f"{day.year}년 {day.month}월 {day.day}일"
        return f"{day.day} {day:%B %Y}"

    def _moment(self, when: datetime, language: Language) -> str:
        local = when.astimezone(self._zone) if when.tzinfo else when
        return f"{self._day(local, language)} {local:%H:%M}"
