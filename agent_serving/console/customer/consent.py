"""The customer's consents: what is permitted now, and every statement before."""

from __future__ import annotations

from agent_serving.console.cell import State
from agent_serving.console.customer.reading import CustomerReading
from agent_serving.console.part import Grid, Part
from agent_serving.console.word import word
from privacy.consent.record import ConsentRecord
from privacy.rights.wording import Wording

_ALLOWED = {
    True: State(Wording("permitted", "허용"), "good"),
    False: State(Wording("not permitted", "허용 안 함"), "bad"),
}
_BASES = {
    "contract": Wording("contract", "계약 이행"), "legal_duty": Wording("legal duty", "법적 의무"),
    "consent": Wording("consent", "동의"), "legitimate_interest": Wording("legitimate interest", "정당한 이익"),
    "statute": Wording("statute", "법령"),
}  # fmt: skip
_STATES = {
    "given": Wording("given", "동의"), "renewed": Wording("renewed", "갱신"), "withdrawn": Wording("withdrawn", "철회"),
    "refused": Wording("refused", "거부"), "objected": Wording("objected", "처리 거부"),
    "objection_lifted": Wording("objection lifted", "처리 거부 해제"), "restricted": Wording("restricted", "처리정지"),
    "restriction_lifted": Wording("restriction lifted", "처리정지 해제"),
    "unread": Wording("could not be read", "판독 불가"),
    "resolved": Wording("resolved", "해결"),
}  # fmt: skip
_ALL = Wording("all purposes", "모든 목적")


def consents(reading: CustomerReading) -> list[Part]:
    """Return what each purpose rests on and whether it is permitted now, and the statements, the newest first."""
    service = reading.installation.consent_service()
    customer = reading.subject.customer_id
    verdicts = {}
    if service.store.knows(customer):
        verdicts = service.verdicts(customer, reading.reader.moment())
    records = sorted(service.history(customer), key=lambda one: (one.effective_at, one.recorded_at), reverse=True)
    last: dict[str, ConsentRecord] = {}
    for record in records:
        last.setdefault(record.purpose, record)
    taxonomy = service.policy.taxonomy
    now = [
        [reading.names.purpose(name), _BASES[purpose.basis],
         _ALLOWED[verdicts.get(name, service.policy.permits_by_default(name))],
         last[name].effective_at if name in last else None, last[name].expires_at if name in last else None]
        for name, purpose in taxonomy.purposes.items()
    ]  # fmt: skip
    history = [
        [one.effective_at, _ALL if one.purpose == "*" else reading.names.purpose(one.purpose),
         _STATES.get(one.state, word(one.state)), word(one.method), one.notice_version,
         one.recorded_at, ", ".join(one.recipients) or None]
        for one in records
    ]  # fmt: skip
    return [
        Grid(
            Wording("Purposes", "이용 목적"),
            (Wording("Purpose", "목적"), Wording("Rests on", "근거"), Wording("Now", "현재"),
             Wording("Last statement", "최근 의사 표시"), Wording("Ends", "만료")),
            now,
            _ALL,
        ),
        Grid(
            Wording("Statements, the newest first", "의사 표시 이력"),
            (Wording("Counts from", "효력 발생"), Wording("Purpose", "목적"), Wording("Statement", "내용"),
             Wording("How", "방법"), Wording("Notice", "고지 버전"), Wording("Recorded", "기록 시각"),
             Wording("Recipients", "제공받는 자")),
            history,
            Wording("The customer has stated nothing.", "의사 표시 기록이 없습니다."),
        ),
    ]  # fmt: skip
