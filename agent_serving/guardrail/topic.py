"""Finds requests that are not answered: for other people's data, for unsafe help, and off the topic of shopping.

The rules are words and forms in four languages. They err to the side of answering: a request that they miss is planned
like any other, and no tool answers it.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Concern(StrEnum):
    """The reason why a message is not answered as it was asked.

    injection: it tells the agent to ignore its rules, to show its instructions or to act as somebody else.
    others_data: it asks for the data of another person.
    unsafe: it asks for help with violence, drugs, weapons, crime or self-harm.
    off_topic: it has nothing to do with shopping here.
    """

    INJECTION = "injection"
    OTHERS_DATA = "others_data"
    UNSAFE = "unsafe"
    OFF_TOPIC = "off_topic"


_DATA_KO = r"(?:정보|전화|번호|연락처|주소|주문|구매|배송|이력|내역|기록|이름|생일|카드|포인트|등급|취향|샀)"
_DATA_EN = r"(?:data|phone|number|address|order|purchase|deliver|history|profile|name|birthday|card|bought|buy|e-?mail)"
_OTHERS = (
    rf"(?:다른|타|옆집|남의|모든|전체|아무)\s?(?:고객|회원|손님|사람|분)\S{{0,3}}.{{0,20}}{_DATA_KO}",
    r"(?:남편|아내|와이프|친구|여자친구|남자친구|여친|남친|엄마|아빠|어머니|아버지|동료|상사|이웃|옆집|전\s?애인"
    r"|그\s?사람|아들|딸)"
    r"(?:의|이|가|네|께서)?\s.{0,15}(?:주문|구매\s?(?:내역|이력|기록)|전화번호|연락처|주소|배송|카드\s?(?:번호"
    r"|내역|정보)|뭐\s?샀|산\s?거)",
    r"(?:고객|회원|주문자)\s?(?:명단|목록|리스트|데이터베이스|db|번호\s?[a-z0-9_]{4,})",
    r"[가-힣]{2,4}\s?(?:고객님?|회원님?|씨|님)(?:의|이|가)?\s.{0,12}(?:주문|구매|전화|연락처|주소|배송|카드)",
    rf"\b(?:other|another|all|every|different)\s(?:customer|user|member|shopper|person|people)s?\b.{{0,40}}{_DATA_EN}",
    r"\bmy (?:husband|wife|friend|girlfriend|boyfriend|neighbou?r|mother|father|boss|ex|son|daughter)(?:'s|s)?\b.{0,30}"
    r"(?:order|purchase|phone|address|history|card|bought)",
    r"\b(?:customer|member)\s(?:list|database|table|records|id\s?[a-z0-9_]{4,})\b|\bcustomer[_ ]?id\b|\bc_[a-z0-9]{8,}",
    r"(?:他の|別の|全ての)(?:お客|顧客|会員|人).{0,20}(?:情報|電話|住所|注文|購入)",
    r"(?:其他|别的|所有|他人)(?:的)?(?:顾客|客户|会员|人).{0,20}(?:信息|电话|地址|订单|购买)",
)
_UNSAFE = (
    r"폭탄|폭발물|마약|필로폰|대마초|총기|권총|살인|자살|자해|죽이(?:는|고)|죽고\s?싶|해킹|도둑질|훔치|위조|독살"
    r"|납치|아동\s?포르노|몰카",
    r"\b(?:bomb|explosive|meth|cocaine|heroin|firearm|kill (?:my|him|her|someone|a person)|suicide|self-harm"
    r"|hack(?:ing)?|"
    r"shoplift|steal (?:a|the|from|this)|counterfeit|forge|poison (?:my|him|her|someone)|kidnap|child porn)",
    r"爆弾|麻薬|銃|殺す|殺人|自殺|盗む|偽造|炸弹|毒品|枪支|杀人|自杀|偷窃|伪造",
)
_OFF_TOPIC = (
    r"대통령|선거|국회|정치|여당|야당|주식\s?(?:추천|시세|투자|종목)|주가|비트코인|가상\s?화폐|로또|숙제|방정식"
    r"|미적분|파이썬|자바스크립트"
    r"|코드(?:를)?\s?(?:짜|작성)|시를?\s?써|번역해|날씨(?:가|는)?\s?(?:어때|알려)",
    r"\b(?:president|election|politic|stock (?:price|market|tip)|bitcoin|crypto|lottery|homework|equation|python"
    r"|javascript|"
    r"write (?:me )?(?:a |an )?(?:code|poem|essay|story|song|program)|translate|weather forecast|what(?:'s| is) the "
    r"weather)",
    r"大統領|選挙|政治|株価|宿題|天気予報|总统|选举|股票|作业|天气预报",
)
_RULES = (
    (Concern.UNSAFE, re.compile("|".join(_UNSAFE), re.IGNORECASE)),
    (Concern.OTHERS_DATA, re.compile("|".join(_OTHERS), re.IGNORECASE)),
    (Concern.OFF_TOPIC, re.compile("|".join(_OFF_TOPIC), re.IGNORECASE)),
)


def find_concern(plain: str) -> Concern | None:
    """Return why a message in plain form is not answered; None if it is."""
    return next((concern for concern, rule in _RULES if rule.search(plain)), None)
