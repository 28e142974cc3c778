"""Fixed sentences of a conversation in the four languages: refusals, how to permit personalisation, failures."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from agent_serving.guardrail.topic import Concern
from agent_serving.understanding.model import Language


class Notice(StrEnum):
    """What a fixed sentence says, beside the refusals of `Concern`."""

    NO_CONSENT = "no_consent"
    CUT = "cut"
    HELP_DESK = "help_desk"
    RULES = "rules"


_KO, _EN, _JA, _ZH = Language.KOREAN, Language.ENGLISH, Language.JAPANESE, Language.CHINESE
_TEXTS: Final[Mapping[Concern | Notice, Mapping[Language, str]]] = {
    Concern.INJECTION: {
        _KO: "그 요청은 도와드릴 수 없습니다. 매장, 상품, 주문에 대해 물어봐 주세요.",
        _EN: "I cannot help with that. Please ask about shops, products or your orders.",
        _JA: "そのご依頼にはお応えできません。売り場や商品、ご注文についてお尋ねください。",
        _ZH: "这个请求无法处理。请询问店铺、商品或您的订单。",
    },
    Concern.OTHERS_DATA: {
        _KO: "다른 분의 정보는 알려드릴 수 없습니다. 본인 주문은 로그인 후 물어봐 주세요.",
        _EN: "I cannot tell anything about other people. For your own orders, sign in and ask.",
        _JA: "他の方の情報はお伝えできません。ご自身のご注文はログイン後にお尋ねください。",
        _ZH: "无法提供他人的信息。您自己的订单请登录后询问。",
    },
    Concern.UNSAFE: {
        _KO: "그 내용은 도와드릴 수 없습니다. 위급하면 112나 119에 연락해 주세요.",
        _EN: "I cannot help with that. In an emergency call 112 or 119.",
        _JA: "その内容にはお応えできません。緊急の場合は112または119へお電話ください。",
        _ZH: "这方面无法提供帮助。紧急情况请拨打112或119。",
    },
    Concern.OFF_TOPIC: {
        _KO: "저는 쇼핑을 도와드립니다. 찾으시는 상품이나 매장을 말씀해 주세요.",
        _EN: "I help with shopping here. Tell me which product or shop you are looking for.",
        _JA: "お買い物のお手伝いをしております。お探しの商品や売り場をお知らせください。",
        _ZH: "我可以协助您购物。请告诉我您想找的商品或店铺。",
    },
    Notice.NO_CONSENT: {
        _KO: "맞춤 추천은 개인화에 동의하신 경우에만 제공됩니다. 동의와 철회는 개인정보 설정에서 언제든지 가능합니다.",
        _EN: "Personal recommendations need your consent. You can give or withdraw it in your privacy settings.",
        _JA: "個人に合わせたおすすめには同意が必要です。プライバシー設定でいつでも同意・撤回できます。",
        _ZH: "个性化推荐需要您同意个性化处理。您可以随时在隐私设置中同意或撤回。",
    },
    Notice.CUT: {
        _KO: "답변이 중간에 끊겨 검색 결과로 다시 안내해 드립니다.",
        _EN: "The answer broke off. Here is what the search found.",
        _JA: "回答が途中で切れたため、検索結果をご案内します。",
        _ZH: "回答中断了，以下是搜索结果。",
    },
    Notice.HELP_DESK: {
        _KO: "확인된 답을 드리지 못했습니다. 고객센터에 문의해 주세요.",
        _EN: "I found no answer that I can confirm. Please ask the help desk.",
        _JA: "確認できる回答がありませんでした。お客様センターにお問い合わせください。",
        _ZH: "没有找到可以确认的答案。请咨询客服中心。",
    },
    Notice.RULES: {
        _KO: "(언어 모델 없이 규칙으로 작성한 자동 안내입니다.)",
        _EN: "(This answer was written by rules, without a language model.)",
        _JA: "（言語モデルを使わず、ルールで作成した自動案内です。）",
        _ZH: "（此回答由规则自动生成，未使用语言模型。）",
    },
}  # fmt: skip


def notice(what: Concern | Notice, language: Language) -> str:
    """Return the sentence in a language."""
    return _TEXTS[what][language]
