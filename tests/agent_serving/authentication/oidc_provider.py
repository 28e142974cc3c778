"""An OpenID Connect provider on loopback: metadata, keys, signed tokens, and the authorization code flow."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "s3cret"


class Provider:
    """A provider. Its tokens are signed with its newest key, and expire a minute after `moment`.

    `claims` change those of the next tokens. `codes` are the authorization requests of codes that were not used yet.
    """

    def __init__(self, moment: datetime = NOW) -> None:
        self.keys = [ECKey.generate_key("P-256", {"kid": "one"})]
        self.seconds = int(moment.timestamp())
        self.asked: list[str] = []
        self.claims: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append(self.path)
                if urlsplit(self.path).path.endswith("/authorize"):
                    self.send_response(302)
                    self.send_header("Location", provider.authorize(dict(parse_qsl(urlsplit(self.path).query))))
                    self.end_headers()
                    return
                self._send(200, provider.page(self.path))

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                found = provider.exchange(dict(parse_qsl(sent)), self.headers.get("Authorization", ""))
                self._send(*((400, {"error": "invalid_grant"}) if found is None else (200, found)))

            def _send(self, status: int, content: Any) -> None:
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/realm"

    def page(self, path: str) -> Any:
        if path.endswith("openid-configuration"):
            return {
                "issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys",
                "authorization_endpoint": f"{self.issuer}/authorize", "token_endpoint": f"{self.issuer}/token",
            }  # fmt: skip
        return KeySet(list(self.keys)).as_dict(private=False)

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where the browser goes after the user has signed in."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'iss': self.issuer})}"

    def exchange(self, sent: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Return the tokens for a code: once, to the client that asked, with its secret and its PKCE verifier."""
        asked = self.codes.pop(sent.get("code", ""), None)
        if asked is None or asked["code_challenge_method"] != "S256":
            return None
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        client = base64.b64encode(f"{asked['client_id']}:{SECRET}".encode()).decode()
        fits = (
            asked["code_challenge"] == challenge
            and asked["redirect_uri"] == sent.get("redirect_uri")
            and (authorization == f"Basic {client}" or sent.get("client_id") == asked["client_id"])
        )
        token = self.token(**{"aud": asked["client_id"], "nonce": asked["nonce"], **self.claims})
        return {"token_type": "Bearer", "access_token": "a", "id_token": token} if fits else None

    def token(self, **changes: Any) -> str:
        claims = {
            "iss": self.issuer, "aud": "bojagi", "sub": "user-1", "exp": self.seconds + 60, "bojagi_role": "agent",
            "bojagi_purposes": ["personalisation"], **changes,
        }  # fmt: skip
        kept = {name: value for name, value in claims.items() if value is not None}
        key = self.keys[-1]
        return jwt.encode({"alg": "ES256", "kid": key.kid}, kept, key)


@contextmanager
def running_provider(moment: datetime = NOW) -> Iterator[Provider]:
    """Run a provider in a thread."""
    found = Provider(moment)
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield found
    finally:
        found.server.shutdown()
        found.server.server_close()
        thread.join()
