"""Lists the file format of each source, with the headers of its files."""

from dataclasses import dataclass, field

from pipelines.simulate.file_writer import CsvStyle


@dataclass(frozen=True)
class SourceFormat:
    """The file extension of a source, its CSV style, and whether it writes one file per month of receipt."""

    extension: str
    csv: CsvStyle = field(default_factory=CsvStyle)
    is_monthly: bool = False


def _korean(encoding: str, headers: str) -> SourceFormat:
    return SourceFormat("csv", CsvStyle(encoding, headers=tuple(headers.split())))


FORMATS = {
    "crm_customer": _korean(
        "utf-8-sig",
        "회원번호 성명 영문명 생년월일 성별 휴대폰번호 이메일 주소 우편번호 시도 시군구 행정동 "
        "세대번호 대표회원여부 가입일 회원상태 수정일시",
    ),
    "loyalty_card": _korean("cp949", "카드번호 회원명 전화번호 세대번호 발급일 카드종류 포인트잔액"),
    "web_session": SourceFormat("jsonl"),
    "web_event": SourceFormat("jsonl", is_monthly=True),
    "app_event": SourceFormat("parquet", is_monthly=True),
    "wishlist": SourceFormat("csv", CsvStyle(delimiter=";")),
    "delivery": _korean(
        "utf-8",
        "운송장번호 주문번호 수령인 연락처 배송지 시군구 행정동 배송방법 주문일시 출고일시 배송완료일시 배송비 중량kg",
    ),
    "return_item": _korean("cp949", "반품번호 주문번호 상품코드 반품일시 수량 환불금액 반품사유"),
    "review": SourceFormat("jsonl"),
    "support_ticket": SourceFormat("csv"),
    "nps_survey": SourceFormat("parquet"),
    "recommendation_event": SourceFormat("jsonl"),
    "consent_event": SourceFormat("jsonl"),
    "lifestyle_survey": _korean(
        "utf-8",
        "응답번호 회원번호 응답일시 직업 학력 주거형태 반려동물 건강식이 종교 관심사 선호매체 연간여행횟수",
    ),
    "store": SourceFormat("csv"),
    "region": SourceFormat("csv"),
    "weather": SourceFormat("csv"),
}
