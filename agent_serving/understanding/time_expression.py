"""Finds words of time: 내일 저녁, 이번 주 토요일, 7시 반, 크리스마스이브."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agent_serving.understanding.morphology import Token
from agent_serving.understanding.number import NATIVE
from agent_serving.understanding.span import Span, free_of

_DAY = "내일모레|낼모레|오늘|내일|낼|모레|글피|어제|어저께|그저께|그제|엊그제|엊그저께|당일|지금|이따가|이따|아까|방금|금일|명일|익일"
_SEASON = "연말연시|연말|연초|월말|월초|올해|작년|내년|올여름|올겨울|올봄|올가을"
_WEEK = (
    r"(?:이번|다음|담|지난|저번|요번|금번|돌아오는|오는|다다음|지지난)\s?(?:주말|주|달|월|연휴|명절|추석|설날|설|여름|겨울|봄|가을|휴일)|금주|차주|"
    r"주말|평일|주중|공휴일|휴일|연휴|명절"
)
_WEEKDAY = r"(?:이번|다음|담|지난|저번|요번|오는|돌아오는)?\s?(?:월|화|수|목|금|토|일)(?:요일|욜)|토일|주일날"
_FEAST = (
    r"추석|한가위|설날|구정|신정|크리스마스\s?이브|크리스마스|성탄절|어버이날|어린이날|스승의\s?날|발렌타인데이|발렌타인|밸런타인데이|화이트데이|빼빼로데이|할로윈|핼러윈|"
    r"복날|초복|중복|말복|동지|대보름|부처님오신날|석가탄신일|삼일절|광복절|개천절|한글날|현충일|블랙프라이데이|광군제"
)
_DATE = r"(?<!박 )(?<!박)(?:\d{1,2}\s?월\s?\d{1,2}\s?일|\d{1,2}\s?월|\d{1,2}일(?!\s?(?:분|치|동안|전|안|이내|정도|간))|\d{1,2}/\d{1,2})"
_PART = "오전|오후|새벽|아침|점심시간|점심때|점심|저녁때|저녁|오밤중|한밤중|한밤|밤|대낮|한낮|낮|정오|자정"
_CLOCK = rf"(?:\d{{1,2}}|(?!몇)(?:{NATIVE}))\s?시(?!\s?간)(?:\s?(?:반|\d{{1,2}}\s?분|[일이삼사오]?십\s?[일이삼사오육칠팔구]?\s?분))?|\d{{1,2}}:\d{{2}}"
_LATER = r"(?:\d{1,2}|한|두|세|네|다섯)\s?(?:시간|분|일|주|달|개월)\s?(?:뒤|후|전|있다가|이따|안에|이내)|퇴근\s?(?:후|길|하고)"

_ONE = f"{_LATER}|{_WEEK}|{_WEEKDAY}|{_FEAST}|{_DATE}|{_CLOCK}|{_DAY}|{_SEASON}|{_PART}"
_PHRASE = re.compile(rf"(?<![가-힣\d])(?:{_ONE})(?:\s?(?:{_ONE}))*")
_MEAL = re.compile(r"\s?(?:먹|을 ?먹|드|은 ?먹|도 ?먹|한끼|한 끼|거리|메뉴|식사|반찬|밥|상|요리|으로 ?먹|국|도시락|대용|식탁|대신|안주)")
_FEAST_ONLY = re.compile(rf"(?:{_FEAST}|명절)")
_MEALS = {"아침", "점심", "저녁"}
_SEASON_ALONE = re.compile(r"(?<![가-힣])(?P<season>여름|겨울|가을|봄)(?=에|까지|되|이 ?오|이라|이니)")
_WORDS_AFTER = re.compile(r"[가-힣]")
_PARTICLE = re.compile(
    r"(?:에는|에도|에만|에|까지는|까지만|까지|부터|은|는|이|가|도|만|날|엔|의|께|쯤|경|안|안에|중|중에|로|으로|이나|나|이면|면|인데|이랑|랑|하고|과|와|에서|에요|이에요|이야|야|요|용|날에|동안|내내|마다|이후|이전|전까지|전에|전|후|후에|뒤|뒤에|정도|치|자|라|라도|따|부로|을|를|보다|처럼)(?![가-힣])"
)


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
