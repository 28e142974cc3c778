"""Finds words of time: 내일 저녁, 이번 주 토요일, 7시 반, 크리스마스이브."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.span import Span, free_of
from agent_serving.understanding.vocabulary import pattern

_DAY = pattern("time_day")
_SEASON = pattern("time_season")
_WEEK = pattern("time_week")
_WEEKDAY = pattern("time_weekday")
_FEAST = pattern("time_feast")
_DATE = pattern("time_date")
_PART = pattern("time_part")
_CLOCK = pattern("time_clock")
_LATER = pattern("time_later")
_ONE = f"{_LATER}|{_WEEK}|{_WEEKDAY}|{_FEAST}|{_DATE}|{_CLOCK}|{_DAY}|{_SEASON}|{_PART}"
_PHRASE = re.compile(rf"(?<![가-힣\d])(?:{_ONE})(?:\s?(?:{_ONE}))*")
_MEAL = re.compile(pattern("meal"))
_FEAST_ONLY = re.compile(rf"(?:{_FEAST}|명절)")
_MEALS = {"아침", "점심", "저녁"}
_SEASON_ALONE = re.compile(r"(?<![가-힣])(?P<season>여름|겨울|가을|봄)(?=에|까지|되|이 ?오|이라|이니)")
_WORDS_AFTER = re.compile(r"[가-힣]")
_PARTICLE = re.compile(pattern("after_time"))


def find_times(text: str, tokens: Sequence[Token] = ()) -> list[Span]:
    """Return the words of time as spans of `time`. A word that the analyser took for a verb is none (낮은, 낼게요)."""
    verbs = {token.start for token in tokens if token.tag[0] == "V" and text[token.start] in "낮밤낼"}
    spans = []
    for found in _PHRASE.finditer(text):
        end = found.end()
        if found.start() in verbs:
            continue
        after = text[end : end + 1]
        if after and _WORDS_AFTER.match(after) and not _PARTICLE.match(text, end):
            continue
        if _MEAL.match(text, end) and found.group() in _MEALS:
            continue
        spans.append(Span(found.start(), end, "time", found.group().strip()))
    for found in _SEASON_ALONE.finditer(text):
        spans += free_of([Span(*found.span(), "time", found["season"])], spans)
    return spans
