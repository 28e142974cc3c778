"""Examines every endpoint that the settings name, by the smallest request that proves that it can be used."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from installation.alert_settings import WebhookSettings
from installation.installation import Installation
from installation.mail_settings import MailServer
from installation.mailer import Mailer
from pipelines.doctor.examination import Examination, Result
from pipelines.doctor.machine import CLOCK_REMEDY

SECONDS = 10.0
_TOLERATED_SECONDS = 30.0
"""The header `Date` counts whole seconds, and an answer may take some."""


def of_endpoints(installation: Installation) -> Iterator[Examination]:
    """Yield an examination of each endpoint that the settings name."""
    settings = installation.settings
    if settings.online_redis_file is not None:
        yield Examination("online store", lambda: _online_store(installation), _start("Redis", "online_redis_file"))
    search = settings.search
    urls = {
        "search.opensearch_url": search.opensearch_url,
        "search.embedding_url": search.embedding_url,
        "search.extraction_url": search.extraction_url,
        **{f"llm.models.{name}": model.url for name, model in settings.llm.models.items()},
    }
    if settings.oidc is not None and settings.oidc.jwks_file is None:
        urls["oidc.issuer"] = f"{settings.oidc.issuer.rstrip('/')}/.well-known/openid-configuration"
    for name, url in urls.items():
        if url is not None:
            yield _of_url(name, url)
    if settings.portal.mail_host is not None:
        yield _of_mail("portal.mail_host", settings.portal.mail_server())
    if settings.alerts.mail is not None:
        yield _of_mail("alerts.mail", settings.alerts.mail)
    for name, webhook in settings.alerts.webhooks.items():
        yield _of_webhook(f"alerts.webhooks.{name}", webhook)
    if settings.anchor_archive is not None:
        yield _of_archive(settings.anchor_archive, dict(settings.storage_options))


def _online_store(installation: Installation) -> Result:
    from contextlib import closing

    from features.store.opening import open_online_store

    with closing(open_online_store(installation)):
        return Result.ok("answers")


def _of_url(setting: str, url: str) -> Examination:
    def examine() -> Result:
        import httpx

        answer = httpx.get(url, timeout=SECONDS, follow_redirects=False)
        host = urlsplit(url).hostname
        # 4xx is an answer as well: these endpoints want a key or another path.
        if answer.status_code >= 500:
            return Result.fail(f"{host} answers with status {answer.status_code}", _start(str(host), setting))
        skew = _skew(answer.headers.get("date"))
        if skew is not None and abs(skew) > _TOLERATED_SECONDS:
            return Result.warn(f"the clock of {host} differs by {skew:+.0f} s", CLOCK_REMEDY)
        return Result.ok(f"{host} answers")

    return Examination(setting, examine, _start(str(urlsplit(url).hostname), setting))


def _skew(date: str | None) -> float | None:
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds() if date else None
    except ValueError:
        return None


def _of_mail(setting: str, server: MailServer) -> Examination:
    def examine() -> Result:
        with Mailer(server).connected() as connection:
            connection.noop()
        return Result.ok(f"{server.host}:{server.port} takes this sender")

    return Examination(setting, examine, _start(server.host, setting))


def _of_webhook(setting: str, webhook: WebhookSettings) -> Examination:
    url = webhook.url.get_secret_value()

    def examine() -> Result:
        webhook.read_secret()
        parts = urlsplit(url)
        host = str(parts.hostname)
        with socket.create_connection((host, parts.port or (443 if parts.scheme == "https" else 80)), SECONDS) as plain:
            if parts.scheme == "https":
                with ssl.create_default_context().wrap_socket(plain, server_hostname=host):
                    pass
        return Result.ok(f"{host} listens; bojagi alerts test sends a message")

    return Examination(setting, examine, _start(str(urlsplit(url).hostname), setting))


def _of_archive(place: str, options: dict[str, str]) -> Examination:
    def examine() -> Result:
        from installation.anchor_archive import AnchorArchive

        return Result.ok(f"{place} can be read, {len(AnchorArchive(place, options).heads())} anchors")

    return Examination("anchor_archive", examine, "Check anchor_archive and storage_options.")


def _start(host: str, setting: str) -> str:
    return f"Start {host}, or correct {setting}."
