"""Who signs a film: a certificate made here on first use, or a person's own.

A label is signed so that a change after the signing shows. Who signed is another matter: a
certificate that was made here says nothing about a person, and is shown as "issuer unknown".
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reelkiln.errors import UsageError
from reelkiln.film.faults import on_disk
from reelkiln.film.interrupt import Interrupts
from reelkiln.film.partfile import write_whole

__all__ = ["FILE", "Signer", "own", "self_made"]

FILE = "signer.pem"
"""The self-made key and certificates, in one file: they can never be of two makings."""

LIFE, RENEWED = timedelta(days=20 * 365), timedelta(days=10 * 365)
"""A certificate lasts 20 years and is replaced when 10 are left: a label carries no time stamp of
an authority, so that it stops verifying when its certificate expires."""

BYTES_MAX = 2**20
_MAKING = threading.Lock()
"""The first films of a shift are finished at once: one of their threads makes the file, the others
read it. Of two processes the later one's stays; what the other signed with its own is as good."""
_CURVES: Mapping[str, str] = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_NO_USE: Mapping[str, bool] = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A key, its certificate and those above it, as PEM. `alg` is C2PA's name of the signature's
    kind: es256, es384, es512, ps256 or ed25519. `name` is for people.
    """

    name: str
    alg: str
    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)


def self_made(folder: Path, now: datetime) -> Signer:
    """The signer that lies in `folder`, made there (ES256) when there is none or it is too old.

    The file is readable by its owner alone (on Windows: by whoever may read `folder`).

    Args:
        folder: made when missing.
        now: with its zone.

    Raises:
        UsageError: the file is damaged or may not be read, or the folder may not be written to.
        DiskFull, FilmError: the disk failed.
    """
    path = folder / FILE
    with _MAKING:
        data = _held(path)
        if data is None or not _lasts(data, path, now):
            data = _made(now)
            _keep(path, data)
    return _signer(data, data, path, path)


def _lasts(data: bytes, path: Path, now: datetime) -> bool:
    certificate = _certificates(data, path)[0]
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begins <= now <= ends - RENEWED


def own(chain: Path, key: Path, now: datetime) -> Signer:
    """A person's own signer: the certificate followed by those that issued it, and its key.

    Raises:
        UsageError: a file is missing, is no PEM or is locked with a password, the two do not belong
            together, or the certificate is not valid now.
    """
    certificates, secret = _read(chain), _read(key)
    first = _certificates(certificates, chain)[0]
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        span = f"{first.not_valid_before_utc:%Y-%m-%d} to {first.not_valid_after_utc:%Y-%m-%d}"
        raise UsageError(
            f"the certificate {chain} is valid from {span} only", hint="renew it with its issuer"
        )
    return _signer(certificates, secret, chain, key)


def _signer(chain: bytes, key: bytes, chain_path: Path, key_path: Path) -> Signer:
    certificates = _certificates(chain, chain_path)
    secret = _key(key, key_path)
    if certificates[0].public_key() != secret.public_key():
        raise UsageError(
            f"the key {key_path} does not belong to the first certificate of {chain_path}",
            hint="put the certificate of that key first",
        )
    names = certificates[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Signer(
        name=str(names[0].value) if names else chain_path.name,
        alg=_alg(secret, key_path),
        chain=b"".join(one.public_bytes(Encoding.PEM) for one in certificates),
        key=secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )


_Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def _certificates(data: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError as error:
        raise UsageError(
            f"{path} holds no certificate that can be read", hint=_mend(path, "PEM certificates")
        ) from error


def _key(data: bytes, path: Path) -> _Key:
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError as error:
        raise UsageError(
            f"the key {path} is locked with a password", hint="name an unlocked copy of it"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{path} holds no key that can be read", hint=_mend(path, "a PEM key")
        ) from error
    if not isinstance(key, _Key):
        raise _strange(path)
    return key


def _mend(path: Path, wanted: str) -> str:
    if path.name == FILE:
        return "remove the file: a new one is made at the next film"
    return f"name a file with {wanted}"


def _alg(key: _Key, path: Path) -> str:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if key.curve.name not in _CURVES:
        raise _strange(path)
    return _CURVES[key.curve.name]


def _strange(path: Path) -> UsageError:
    return UsageError(
        f"the key {path} is of a kind that labels are not signed with",
        hint="use P-256, P-384, P-521, Ed25519 or RSA",
    )


def _held(path: Path) -> bytes | None:
    """The self-made file, closed to others where it stood open, or None without one."""
    if not path.exists():
        return None
    data = _read(path)
    if os.name == "posix":
        with on_disk(path):
            path.chmod(0o600)
    return data


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    except OSError as error:
        why = "is missing" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise UsageError(f"{path} {why}", hint="check the path and its rights") from error
    if len(data) > BYTES_MAX:
        raise UsageError(f"{path} is too large for a key or certificates", hint="check the path")
    return data


def _keep(path: Path, data: bytes) -> None:
    def write(part: Path, _: Interrupts) -> None:
        with on_disk(path):
            part.touch(mode=0o600)  # closed to others before the key is in it
            part.write_bytes(data)

    with on_disk(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(path, write)


def _made(now: datetime) -> bytes:
    """A new key, its certificate, and the authority above it, whose own key is not kept.

    C2PA takes no certificate that signed itself (specification 2.4, "X.509 certificates"), hence
    the authority; nothing else will ever be signed by it.
    """
    issuer, secret = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    above, name = _name("reelkiln local authority"), _name("reelkiln on this machine")
    authority = (
        _unsigned(above, above, issuer.public_key(), issuer.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign"), critical=True)
        .sign(issuer, SHA256())
    )
    certificate = (
        _unsigned(name, above, secret.public_key(), issuer.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False
        )
        .sign(issuer, SHA256())
    )
    key = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + b"".join(one.public_bytes(Encoding.PEM) for one in (certificate, authority))


def _unsigned(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: datetime,
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key)
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # another machine's clock may lag
        .not_valid_after(now + LIFE)
        .add_extension(identifier, critical=False)
        .add_extension(above, critical=False)
    )


def _usage(use: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{**_NO_USE, use: True})


def _name(words: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, words),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "reelkiln, self-made certificate"),
        ]
    )
