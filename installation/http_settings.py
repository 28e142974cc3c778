"""The settings below `[http]` and `[oidc]`; the top of `installation/settings.py` explains them."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class HttpSettings(BaseModel):
    """How the HTTP application listens, and how many requests it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    requests_per_minute: int = Field(default=6000, ge=1)
    public_url: str | None = Field(default=None, pattern=r"^https?://[^/]+$")

    @model_validator(mode="after")
    def _need_both(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("only one of tls_certificate and tls_key is set; expected both or none")
        return self


class OidcSettings(BaseModel):
    """The OpenID Connect provider whose bearer tokens the HTTP application takes.

    With `client_id`, staff sign in to the console there. A client without a secret proves itself by PKCE alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks_file: Path | None = None
    role_claim: str = "bojagi_role"
    purposes_claim: str = "bojagi_purposes"
    client_id: str | None = Field(default=None, min_length=1)
    client_secret_file: Path | None = None
