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


PAGES: dict[str, Page] = {
    "home": Page(
        "", Wording("Start", "시작"), Wording("What matters today", "오늘의 주요 현황"), frozenset(ROLES),
    ),
    "customer": Page(
        "/customer", Wording("Customers", "고객"),
        Wording("One customer: profile, timeline, consents, identity", "고객 한 명의 프로필, 이력, 동의, 식별 정보"),
        frozenset(ROLES),
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
    "privacy": Page(
        "/privacy", Wording("Privacy", "개인정보 보호"),
        Wording("Consents, requests, budgets, releases, audit log", "동의, 요청, 예산, 공개 데이터, 감사 기록"),
        frozenset({OFFICER}),
    ),
}  # fmt: skip
