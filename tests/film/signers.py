"""Certificates for the label's tests: of any kind of key, and with anything wrong with them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEYS = {
    "es256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "es384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "es512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ps256": lambda: rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
NEVER = [
    *("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("crl_sign", "encipher_only", "decipher_only"),
]


def certificate(name, key, issuer, issuer_key, *, ca, begins, ends, purpose):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    above = issuer.subject if issuer is not None else subject
    use = dict.fromkeys(NEVER, False)
    builder = (
        x509.CertificateBuilder(above, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(
            x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, **use), critical=True
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    if purpose is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(issuer_key, SHA256())


def pem(*certificates):
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def issued(
    folder: Path,
    alg: str = "es256",
    *,
    begins=NOON - timedelta(days=1),
    ends=NOON + timedelta(days=3650),
    purpose=ExtendedKeyUsageOID.EMAIL_PROTECTION,
    name="Studio Nine",
    password: bytes | None = None,
):
    """Three files in `folder`: a certificate with its issuer behind it, its key, its issuer."""
    authority, key = KEYS["es256"](), KEYS[alg]()
    span = {"begins": begins, "ends": ends}
    root = certificate("Root", authority, None, authority, ca=True, purpose=None, **span)
    leaf = certificate(name, key, root, authority, ca=False, purpose=purpose, **span)
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    files = folder / f"{alg}.pem", folder / f"{alg}.key", folder / f"{alg}.root.pem"
    files[0].write_bytes(pem(leaf, root))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock))
    files[2].write_bytes(pem(root))
    return files
