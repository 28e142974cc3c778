"""The pages of the console, and which roles may open each. This is the only place that decides it."""

from __future__ import annotations

from dataclasses import dataclass

from privacy.rights.wording import Wording

ANALYST, MARKETER, SUPPORT = "analyst", "marketer", "support"
STEWARD, OFFICER = "data_steward", "privacy_officer"
ROLES = {
    ANALYST: Wording("Analyst", "분석가"), MARKETER: Wording("Marketer", "마케터"),
    SUPPORT: Wording("Support", "고객 상담"),
    STEWARD: Wording("Data steward", "데이터 관리자"),
    OFFICER: Wording("Privacy officer", "개인정보 보호책임자"),
}  # fmt: skip
"""Roles that may sign in, and their names."""


@dataclass(frozen=True)
class Page:
    """A family of pages below one address, in the order of the navigation.

    Attributes:
        path: address below `/console`.
        title: name in the navigation.
        meaning: what it shows, on the start page.
        roles: the roles that may open it.
    """

    path: str
    title: Wording
    meaning: Wording
    roles: frozenset[str]

    @property
    def is_of_person(self) -> bool:
        """Whether it shows one customer; such a page is reached from the customer's page."""
        return "{customer}" in self.path


PAGES: dict[str, Page] = {
    "home": Page(
        "", Wording("Start", "시작"), Wording("What matters today", "오늘의 주요 현황"), frozenset(ROLES),
    ),
    "customer": Page(
        "/customer", Wording("Customers", "고객"),
        Wording("One customer: profile, timeline, consents, identity", "고객 한 명의 프로필, 이력, 동의, 식별 정보"),
        frozenset(ROLES),
    ),
    "customer_timeline": Page(
        "/customer/{customer}/timeline", Wording("Timeline", "이력"),
        Wording("What happened, over all channels", "모든 채널의 활동"), frozenset(ROLES),
    ),
    "customer_purchases": Page(
        "/customer/{customer}/purchases", Wording("Purchases", "구매"),
        Wording("Categories, rhythm, next purchase, orders", "카테고리, 주기, 다음 구매, 주문"), frozenset(ROLES),
    ),
    "customer_journeys": Page(
        "/customer/{customer}/journeys", Wording("Paths to purchase", "구매 경로"),
        Wording("Journeys over channels", "채널 간 여정"), frozenset(ROLES),
    ),
    "customer_insight": Page(
        "/customer/{customer}/insight", Wording("Segment and scores", "세그먼트와 점수"),
        Wording("Segment, scores, and why", "세그먼트, 예측 점수와 그 이유"), frozenset(ROLES),
    ),
    "customer_consents": Page(
        "/customer/{customer}/consents", Wording("Consents", "동의"),
        Wording("What is permitted, and every statement", "허용 현황과 의사 표시 이력"),
        frozenset({SUPPORT, STEWARD, OFFICER}),
    ),
    "customer_identity": Page(
        "/customer/{customer}/identity", Wording("Identity", "식별 정보"),
        Wording("Which records are this customer, and why", "연결된 기록과 그 근거"), frozenset({STEWARD, OFFICER}),
    ),
    "customer_requests": Page(
        "/customer/{customer}/requests", Wording("Requests and disclosures", "요청과 제공 내역"),
        Wording("Requests, what was disclosed, and who looked", "요청, 제공 내역, 조회한 직원"),
        frozenset({SUPPORT, OFFICER}),
    ),
    "segment": Page(
        "/segment", Wording("Segments", "세그먼트"),
        Wording("Personas, and moves between segments", "페르소나와 세그먼트 이동"), frozenset({ANALYST, MARKETER}),
    ),
    "audience": Page(
        "/audience", Wording("Audiences", "오디언스"),
        Wording("Build an audience, see its size, export it", "오디언스 구성, 규모 확인, 내보내기"),
        frozenset({MARKETER}),
    ),
    "journey": Page(
        "/journey", Wording("Journeys", "여정"),
        Wording("Paths over channels, and time to purchase", "채널 간 경로와 구매까지 걸린 시간"),
        frozenset({ANALYST, MARKETER}),
    ),
    "quality": Page(
        "/quality", Wording("Quality", "품질"),
        Wording("Tables, freshness, quarantine, refused files", "테이블, 최신성, 격리된 행, 거부된 파일"),
        frozenset({ANALYST, STEWARD, OFFICER}),
    ),
    "model": Page(
        "/model", Wording("Models", "모델"),
        Wording("Calibration, fairness, last training, drift", "보정, 공정성, 최근 학습, 드리프트"),
        frozenset({ANALYST, STEWARD, OFFICER}),
    ),
    "experiment": Page(
        "/experiment", Wording("Experiments", "실험"),
        Wording("Which version is better, and whether that is proven", "버전별 효과 비교와 판정"),
        frozenset({ANALYST, MARKETER, OFFICER}),
    ),
    "privacy": Page(
        "/privacy", Wording("Privacy", "개인정보 보호"),
        Wording("Consents, requests, budgets, releases, audit log", "동의, 요청, 예산, 공개 데이터, 감사 기록"),
        frozenset({OFFICER}),
    ),
}  # fmt: skip
