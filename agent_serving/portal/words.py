"""The portal's names of rights, states, events and countries, in English and in Korean."""

from __future__ import annotations

from privacy.rights.deadline import Urgency
from privacy.rights.request import EventKind, Right, State
from privacy.rights.wording import Language, Wording

RIGHTS: dict[Right, Wording] = {
    Right.ACCESS: Wording("A copy of my data", "개인정보 열람"),
    Right.PORTABILITY: Wording("My data for another service", "개인정보 전송(이동)"),
    Right.RECTIFICATION: Wording("Correct my data", "개인정보 정정"),
    Right.ERASURE: Wording("Erase my data", "개인정보 삭제"),
    Right.RESTRICTION: Wording("Stop the use of my data", "개인정보 처리정지"),
    Right.OBJECTION: Wording("Object to some uses", "일부 목적의 처리 거부"),
    Right.EXPLANATION: Wording("Explain an automated decision", "자동화된 결정에 대한 설명"),
}
MEANINGS: dict[Right, Wording] = {
    Right.ACCESS: Wording(
        "You receive all data about you, with its purpose, source and retention, as HTML, PDF and a file for programs.",
        "보유 중인 개인정보를 이용 목적, 출처, 보유 기간과 함께 HTML·PDF·전산 파일로 받습니다.",
    ),
    Right.PORTABILITY: Wording(
        "You receive the data that you provided as JSON and CSV, which another service can read.",
        "직접 제공하신 정보를 다른 서비스에서 읽을 수 있는 JSON·CSV 파일로 받습니다.",
    ),
    Right.RECTIFICATION: Wording(
        "You tell us the right value. It stays corrected, also when data is loaded again.",
        "올바른 값을 알려 주시면 정정하며, 데이터를 다시 불러와도 정정된 상태를 유지합니다.",
    ),
    Right.ERASURE: Wording(
        "We erase your data everywhere, check every file, and sign a certificate. You cannot sign in afterwards.",
        "모든 저장소에서 삭제하고 모든 파일을 확인한 뒤 서명된 확인서를 드립니다. 이후에는 로그인하실 수 없습니다.",
    ),
    Right.RESTRICTION: Wording(
        "We keep your data, but no longer use it. What the law demands goes on.",
        "정보를 보관만 하고 이용하지 않습니다. 법령에 따른 처리는 계속됩니다.",
    ),
    Right.OBJECTION: Wording(
        "We stop using your data for the purposes that you choose, such as advertising or profiles.",
        "광고나 프로파일링 등 선택하신 목적으로는 정보를 이용하지 않습니다.",
    ),
    Right.EXPLANATION: Wording(
        "We explain how a decision about you was made by a program.",
        "전산으로 이루어진 결정이 어떻게 내려졌는지 설명해 드립니다.",
    ),
}
STATES: dict[State, Wording] = {
    State.SUBMITTED: Wording("Received, identity not verified", "접수됨 (본인 확인 전)"),
    State.VERIFIED: Wording("Identity verified, waiting for a decision", "본인 확인 완료 (검토 중)"),
    State.APPROVED: Wording("Approved, waiting to be carried out", "승인됨 (처리 대기)"),
    State.EXECUTING: Wording("Being carried out", "처리 중"),
    State.COMPLETED: Wording("Completed", "완료"),
    State.REFUSED: Wording("Refused", "거절됨"),
    State.WITHDRAWN: Wording("Withdrawn", "철회됨"),
}
STEPS = (
    Wording("Received", "접수"),
    Wording("Identity verified", "본인 확인"),
    Wording("Decision", "승인 심사"),
    Wording("Carried out and checked", "처리와 확인"),
    Wording("Completed", "완료"),
)
"""The steps of a request that is granted, in their order."""
STEPS_DONE = {State.SUBMITTED: 1, State.VERIFIED: 2, State.APPROVED: 3, State.EXECUTING: 3, State.COMPLETED: 5}
"""Number of the steps that are done in a state; the next one is at work."""
URGENCIES: dict[Urgency, Wording] = {
    Urgency.ON_TIME: Wording("On time", "기한 내"),
    Urgency.DUE_SOON: Wording("Due soon", "기한 임박"),
    Urgency.OVERDUE: Wording("Overdue", "기한 경과"),
}
EVENTS: dict[EventKind, Wording] = {
    EventKind.SUBMITTED: Wording("Received", "접수"),
    EventKind.DUPLICATE: Wording("The same was asked again", "같은 요청이 다시 접수됨"),
    EventKind.IDENTITY_VERIFIED: Wording("Identity or mandate verified", "본인 또는 대리권 확인"),
    EventKind.APPROVED: Wording("Approved", "승인"),
    EventKind.REFUSED: Wording("Refused", "거절"),
    EventKind.EXTENDED: Wording("Deadline extended", "기한 연장"),
    EventKind.WITHDRAWN: Wording("Withdrawn", "철회"),
    EventKind.STARTED: Wording("Work begun", "처리 시작"),
    EventKind.STEP: Wording("Step done", "단계 완료"),
    EventKind.FAILED: Wording("Not finished in one place; tried again", "처리하지 못한 곳이 있어 다시 시도함"),
    EventKind.ANSWERED: Wording("Answer", "답변"),
    EventKind.DOWNLOADED: Wording("Answer downloaded", "답변 내려받음"),
    EventKind.COMPLETED: Wording("Completed", "완료"),
}
BASES: dict[str, Wording] = {
    "contract": Wording("Needed for your contract", "계약 이행에 필요"),
    "legal_duty": Wording("The law demands it", "법령상 의무"),
    "consent": Wording("Your consent", "고객님의 동의"),
    "legitimate_interest": Wording("Legitimate interest", "정당한 이익"),
    "statute": Wording("The law allows it", "법령상 허용"),
}
CHANNELS = {
    "cli": Wording("Command line", "명령줄"), "http": Wording("Program", "전산 연계"),
    "portal": Wording("Portal", "포털"), "phone": Wording("Phone", "전화"), "letter": Wording("Letter", "서신"),
    "counter": Wording("Counter", "창구"),
}  # fmt: skip
REQUESTERS = {
    "self": Wording("The person", "본인"), "guardian": Wording("Guardian", "법정대리인"),
    "agent": Wording("Agent with mandate", "위임받은 대리인"),
}  # fmt: skip

COUNTRIES = {
    "AT": Wording("Austria", "오스트리아"), "BE": Wording("Belgium", "벨기에"), "BG": Wording("Bulgaria", "불가리아"),
    "CY": Wording("Cyprus", "사이프러스"), "CZ": Wording("Czech Republic", "체코"), "DE": Wording("Germany", "독일"),
    "DK": Wording("Denmark", "덴마크"), "EE": Wording("Estonia", "에스토니아"), "ES": Wording("Spain", "스페인"),
    "FI": Wording("Finland", "핀란드"), "FR": Wording("France", "프랑스"), "GB": Wording("United Kingdom", "영국"),
    "GR": Wording("Greece", "그리스"), "HR": Wording("Croatia", "크로아티아"), "HU": Wording("Hungary", "헝가리"),
    "IE": Wording("Ireland", "아일랜드"), "IS": Wording("Iceland", "아이슬란드"), "IT": Wording("Italy", "이탈리아"),
    "KR": Wording("South Korea", "대한민국"), "LI": Wording("Liechtenstein", "리히텐슈타인"),
    "LT": Wording("Lithuania", "리투아니아"), "LU": Wording("Luxembourg", "룩셈부르크"),
    "LV": Wording("Latvia", "라트비아"), "MT": Wording("Malta", "몰타"), "NL": Wording("Netherlands", "네덜란드"),
    "NO": Wording("Norway", "노르웨이"), "PL": Wording("Poland", "폴란드"), "PT": Wording("Portugal", "포르투갈"),
    "RO": Wording("Romania", "루마니아"), "SE": Wording("Sweden", "스웨덴"), "SI": Wording("Slovenia", "슬로베니아"),
    "SK": Wording("Slovakia", "슬로바키아"),
}  # fmt: skip
"""Names of the countries of `privacy/rights/law.yaml`."""


def country(code: str, language: Language) -> str:
    """Return the name of a country; its code, if it has no name here.

    >>> country("KR", "ko"), country("DE", "en"), country("XX", "en")
    ('대한민국', 'Germany', 'XX')
    """
    return COUNTRIES[code].text(language) if code in COUNTRIES else code
