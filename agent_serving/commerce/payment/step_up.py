"""Step-up: proof that the customer approved this amount of this order, by WebAuthn or by TOTP. Each proof counts once.

challenge = SHA-256(32 random bytes, amount, order). A challenge is used up by the first answer, right or wrong, and
is made again from the amount that the order has at the answer: after a change of the amount no answer fits. The
libraries check a signature or a code, and accept the same one twice; so challenges and time steps are stored.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyotp
from pyotp.exceptions import OTPVerificationError
from webauthn import base64url_to_bytes, verify_authentication_response
from webauthn.helpers.exceptions import WebAuthnException

from agent_serving.commerce.errors import CommerceError
from agent_serving.commerce.moment import text_of

if TYPE_CHECKING:
    from datetime import datetime

    from agent_serving.commerce.money import Money
    from privacy.storage.database import Database

LIFETIME = timedelta(minutes=5)
"""How long a challenge can be answered."""
MOST_WRONG_CODES = 5
"""Wrong TOTP codes in a row after which a customer needs another way: a guess is right once in 333,333 (3 windows)."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS step_up_challenge (
  challenge TEXT PRIMARY KEY, nonce TEXT NOT NULL, order_id TEXT NOT NULL, expires_at TEXT NOT NULL,
  is_used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS passkey (
  credential_id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, public_key TEXT NOT NULL, sign_count INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS one_time_code (
  customer_id TEXT PRIMARY KEY, last_step INTEGER NOT NULL, wrong INTEGER NOT NULL
) WITHOUT ROWID;
"""


class StepUpRefused(CommerceError):
    """An answer to a challenge, or a code, is not accepted. `code` says why, for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class RelyingParty:
    """The site that passkeys belong to: its domain, and the origin of its pages."""

    domain: str
    origin: str


class StepUp:
    """Checks approvals in the database of the orders. Each method is used inside a transaction of its own."""

    def __init__(self, db: Database, site: RelyingParty, totp_secret: Callable[[str], str | None]) -> None:
        """Use a database with the tables of `SCHEMA`.

        Args:
            db: the store's database.
            site: the site of the passkeys.
            totp_secret: returns a customer's secret in base 32; None without one. Secrets are kept elsewhere, encrypted.
        """
        self._db, self._site, self._totp_secret = db, site, totp_secret

    def add_passkey(self, customer_id: str, credential_id: bytes, public_key: bytes, sign_count: int) -> None:
        """Store a passkey after its registration was verified (`webauthn.verify_registration_response`)."""
        row = (credential_id.hex(), customer_id, public_key.hex(), sign_count)
        self._db.execute("INSERT INTO passkey VALUES (?, ?, ?, ?)", row)

    def begin(self, order_id: str, amount: Money, now: datetime) -> bytes:
        """Return a new challenge for this amount of this order."""
        nonce = secrets.token_bytes(32)
        made = challenge_of(nonce, amount, order_id)
        row = (made.hex(), nonce.hex(), order_id, text_of(now + LIFETIME), 0)
        self._db.execute("INSERT INTO step_up_challenge VALUES (?, ?, ?, ?, ?)", row)
        return made

    def use(self, challenge: bytes) -> tuple[bytes, str, str]:
        """Use a challenge up; return its random bytes, its order and its end. Commit it before `check_passkey`.

        Raises:
            StepUpRefused: it is unknown, or was answered before.
        """
        change = "UPDATE step_up_challenge SET is_used = 1 WHERE challenge = ? AND is_used = 0"
        if self._db.execute(change, (challenge.hex(),)).rowcount != 1:
            raise StepUpRefused("challenge_used", "The challenge is unknown or was answered before. Begin again.")
        query = "SELECT nonce, order_id, expires_at FROM step_up_challenge WHERE challenge = ?"
        nonce, order_id, expires_at = self._db.execute(query, (challenge.hex(),)).fetchone()
        return bytes.fromhex(nonce), str(order_id), str(expires_at)

    def check_passkey(self, customer_id: str, expected: bytes, answer: dict[str, Any]) -> None:
        """Check that a customer's passkey signed this challenge, and store its new counter.

        Raises:
            StepUpRefused: the passkey is not the customer's, the signature is wrong, or the counter did not grow.
        """
        try:
            credential = base64url_to_bytes(str(answer["id"])).hex()
        except (KeyError, ValueError) as error:
            raise StepUpRefused("malformed", "The answer names no passkey.") from error
        query = "SELECT public_key, sign_count FROM passkey WHERE credential_id = ? AND customer_id = ?"
        row = self._db.execute(query, (credential, customer_id)).fetchone()
        if row is None:
            raise StepUpRefused("foreign_passkey", "The passkey is not one of this customer.")
        try:
            verified = verify_authentication_response(
                credential=answer,
                expected_challenge=expected,
                expected_rp_id=self._site.domain,
                expected_origin=self._site.origin,
                credential_public_key=bytes.fromhex(row[0]),
                credential_current_sign_count=int(row[1]),
                require_user_verification=True,
            )
        except WebAuthnException as error:
            raise StepUpRefused("not_signed", "The answer does not sign this amount of this order.") from error
        self._db.execute(
            "UPDATE passkey SET sign_count = ? WHERE credential_id = ?", (verified.new_sign_count, credential)
        )

    def check_code(self, customer_id: str, code: str, now: datetime) -> bool:
        """Return whether a TOTP code is right and was not used before. Wrong ones are counted, so commit in any case.

        Raises:
            StepUpRefused: the customer has no secret, or gave too many wrong codes.
        """
        secret = self._totp_secret(customer_id)
        if secret is None:
            raise StepUpRefused("no_totp", "The customer has no one-time codes.")
        self._db.execute(
            "INSERT INTO one_time_code VALUES (?, 0, 0) ON CONFLICT (customer_id) DO NOTHING", (customer_id,)
        )
        query = "SELECT last_step, wrong FROM one_time_code WHERE customer_id = ?"
        last, wrong = self._db.execute(query, (customer_id,)).fetchone()
        if wrong >= MOST_WRONG_CODES:
            raise StepUpRefused("too_many_codes", "Too many wrong codes. Approve with a passkey.")
        try:
            step = pyotp.TOTP(secret).verify_and_get_timecode(code, for_time=now, valid_window=1)
        except OTPVerificationError:
            step = 0
        is_new = step > last
        self._db.execute(
            "UPDATE one_time_code SET last_step = ?, wrong = ? WHERE customer_id = ?",
            (step if is_new else last, 0 if is_new else wrong + 1, customer_id),
        )
        return is_new


def challenge_of(nonce: bytes, amount: Money, order_id: str) -> bytes:
    """Return SHA-256(nonce, amount, order)."""
    return hashlib.sha256(nonce + f"\n{amount.minor} {amount.currency}\n{order_id}".encode()).digest()
