"""Words for the values that are stored of channels, events and orders, in English and Korean."""

from __future__ import annotations

from installation.contract.plain_name import readable
from privacy.rights.wording import Wording

_KOREAN = {
    "web": "웹", "app": "앱", "store": "매장", "delivery": "배송", "service": "고객센터", "survey": "설문",
    "email": "이메일", "online": "온라인",
    "app_open": "앱 실행", "product_view": "상품 조회", "push_open": "푸시 알림 열기", "scan_barcode": "바코드 스캔",
    "search": "검색", "store_locator": "매장 찾기", "delivered": "배송 완료", "nps_response": "추천 의향 응답",
    "return": "반품", "support": "상담", "coupon_redemption": "쿠폰 사용", "purchase": "구매",
    "survey_response": "설문 응답", "add_to_cart": "장바구니 담기", "remove_from_cart": "장바구니 빼기",
    "checkout": "결제 시작", "page_view": "페이지 조회", "recommendation": "추천 노출", "review": "후기 작성",
    "wishlist_add": "찜하기",
    "ignored": "반응 없음", "clicked": "클릭", "purchased": "구매", "dismissed": "닫음", "membership": "회원",
    "product": "상품", "payment": "결제", "privacy": "개인정보", "other": "기타",
    "order_id": "주문 번호", "session_id": "세션 번호", "member_no": "회원 번호", "device_id": "기기 번호",
    "account_no": "계정 번호", "phone": "전화번호",
    "paper_form": "서면", "web_form": "웹 양식", "app_toggle": "앱 설정", "requested": "동의 요청",
    "supermarket": "슈퍼마켓", "express": "소형 매장", "hypermarket": "대형 마트", "standard": "일반배송",
    "dawn": "새벽배송", "pickup": "매장픽업",
}  # fmt: skip


def word(value: str) -> Wording:
    """Return a stored value as words; one without an entry is the same in both languages.

    >>> word("add_to_cart").en, word("add_to_cart").ko, word("새벽배송").en
    ('Add to cart', '장바구니 담기', '새벽배송')
    """
    english = readable(value)
    return Wording(english, _KOREAN.get(value, english))
