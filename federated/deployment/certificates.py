"""Makes the certificates and keys of a federation. A site's private keys stay at the site; its card is public.

Example: the server's operator makes an authority; site A makes its keys and sends its card; the operator admits the
card and returns certificate, the authority's certificate and the roster of all sites' public keys. The operators
compare the roster's fingerprint over another way (a telephone call), because the roster is what protects masked sums
from a server that lies about keys.
"""

from __future__ import annotations

import ipaddress
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from federated.errors import BadSetting, DeploymentFailed
from federated.secure.errors import ProtocolViolation
from federated.secure.identity import Roster, SiteIdentity

AUTHORITY, AUTHORITY_KEY, ROSTER = "authority.crt", "authority.key", "roster.json"
LOOPBACK = ("localhost", "127.0.0.1")
CLOCK_SKEW = timedelta(minutes=5)
"""Certificates are valid from five minutes ago: clocks of two machines differ."""


def make_authority(folder: Path, hosts: list[str], days: int = 365) -> None:
    """Writes the federation's authority and the server's certificate for the host names under which sites reach it."""
    if (folder / AUTHORITY).exists():
        raise BadSetting(f"{AUTHORITY} exists already; a new authority would lock out every admitted site.")
    folder.mkdir(parents=True, exist_ok=True)
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("Bojagi federation")
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    authority = (
        _builder(name, name, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_secret(folder / AUTHORITY_KEY, _pem(key))
    (folder / AUTHORITY).write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    server = ec.generate_private_key(ec.SECP256R1())
    _write_secret(folder / "server.key", _pem(server))
    certificate = _issue(folder, "server", server.public_key(), [*hosts, *LOOPBACK], days)
    (folder / "server.crt").write_bytes(certificate)


def make_site_keys(folder: Path, site: str) -> Path:
    """Writes a site's private keys and its public card, and returns the path of the card.

    `tls.key`: mutual TLS. `node.key`: Flower's authentication of the node. `secure.key`: masked sums.
    """
    if (folder / "card.json").exists():
        raise BadSetting(f"The folder {folder.name} holds keys of a site already.")
    folder.mkdir(parents=True, exist_ok=True)
    tls, node, secure = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP384R1()),
        SiteIdentity.generate(site),
    )
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(site)).sign(tls, hashes.SHA256())
    _write_secret(folder / "tls.key", _pem(tls))
    _write_secret(folder / "node.key", _pem(node, serialization.PrivateFormat.OpenSSH))
    _write_secret(folder / "secure.key", f"{site}\n{secure.to_bytes().hex()}\n".encode())
    node_public = node.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    card = {
        "site": site,
        "request": request.public_bytes(serialization.Encoding.PEM).decode(),
        "node": node_public.decode(),
        "secure": secure.public_key.hex(),
    }
    (folder / "card.json").write_text(json.dumps(card, indent=2))
    return folder / "card.json"


def admit(authority: Path, card: Path, days: int = 90) -> None:
    """Admits a site: signs its certificate and adds its keys to the roster and to the nodes that the server accepts.

    Writes `<site>.crt`, `<site>.pub` and the roster into the authority's folder. The first two and the authority's
    certificate go back to the site; the roster goes to every site.

    Raises:
        BadSetting: the card is damaged, or another site of that name was admitted.
    """
    try:
        body = json.loads(card.read_text())
        site, request = str(body["site"]), x509.load_pem_x509_csr(body["request"].encode())
        secure = bytes.fromhex(body["secure"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadSetting(f"{card.name} is no card of a site: {error}") from None
    if not request.is_signature_valid or request.subject != _name(site):
        raise BadSetting(f"The request on the card is not signed for site {site!r}.")
    if not site.replace("-", "").replace("_", "").isalnum() or site in ("authority", "server"):
        raise BadSetting(f"A site's name has letters, digits, - and _, and is not that of the server. Got {site!r}.")
    known = read_keys(authority / ROSTER)
    if known.get(site, secure) != secure:
        raise BadSetting(
            f"Another site {site!r} was admitted before. Remove it from {ROSTER} first, if it has new keys."
        )
    public_key = request.public_key()
    if not isinstance(public_key, ec.EllipticCurvePublicKey):
        raise BadSetting("The request on the card has another kind of key than an elliptic curve's.")
    (authority / f"{site}.crt").write_bytes(_issue(authority, site, public_key, list(LOOPBACK), days))
    (authority / f"{site}.pub").write_text(body["node"])
    keys = {name: key.hex() for name, key in sorted({**known, site: secure}.items())}
    (authority / ROSTER).write_text(json.dumps(keys, indent=2))


def read_keys(roster: Path) -> dict[str, bytes]:
    """Returns the public keys of a roster file by site; none when there is no file yet."""
    if not roster.exists():
        return {}
    return {name: bytes.fromhex(key) for name, key in json.loads(roster.read_text()).items()}


def fingerprint(roster: Path) -> str:
    """Returns what operators compare over another way: SHA-256 of the roster, in groups of four letters."""
    try:
        digest = sha256(Roster(read_keys(roster)).to_json().encode()).hexdigest()
    except ProtocolViolation as error:
        raise BadSetting(str(error)) from None
    return " ".join(digest[at : at + 4] for at in range(0, 32, 4))


def require_valid(certificate: Path, now: datetime | None = None) -> None:
    """Raises `DeploymentFailed` when the certificate has expired, or is not valid yet."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    now = now or datetime.now(UTC)
    if now > found.not_valid_after_utc:
        raise DeploymentFailed(
            f"The certificate {certificate.name} expired on {found.not_valid_after_utc:%Y-%m-%d}. Ask the operator of "
            "the federation's server to admit the site's card again."
        )
    if now < found.not_valid_before_utc:
        raise DeploymentFailed(f"The certificate {certificate.name} is not valid yet. Check this machine's clock.")


def _issue(authority: Path, name: str, key: ec.EllipticCurvePublicKey, hosts: list[str], days: int) -> bytes:
    """Returns a certificate for client and server use: a site's relay is a server on the loopback address."""
    signer = serialization.load_pem_private_key((authority / AUTHORITY_KEY).read_bytes(), None)
    issuer = x509.load_pem_x509_certificate((authority / AUTHORITY).read_bytes())
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise BadSetting(f"{AUTHORITY_KEY} holds another kind of key than expected.")
    usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
    certificate = (
        _builder(_name(name), issuer.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_host(host) for host in dict.fromkeys(hosts)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(now, now + timedelta(days=days)) - CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(
    key: ec.EllipticCurvePrivateKey, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8
) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
