"""Who signs: the self-made certificate, its age and its rights; a person's own, and its faults."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from film.signers import KEYS, NOON, issued
from reelkiln.errors import UsageError
from reelkiln.film.certificate import FILE, self_made
from reelkiln.film.label import open_signer

YEAR = timedelta(days=365)


def test_threads_that_finish_their_first_films_at_once_share_one(tmp_path):
    together = threading.Barrier(4)

    def one(_):
        together.wait()
        return self_made(tmp_path / "signing", NOON)

    with ThreadPoolExecutor(4) as pool:
        assert len({signer.key for signer in pool.map(one, range(4))}) == 1


def test_the_self_made_one_is_made_once_and_kept(tmp_path):
    folder = tmp_path / "state" / "signing"
    first = self_made(folder, NOON)
    assert first.alg == "es256"
    assert self_made(folder, NOON + YEAR) == first
    assert [path.name for path in folder.iterdir()] == [FILE]
    assert self_made(tmp_path / "other", NOON) != first


def test_its_key_is_for_its_owner_alone(tmp_path):
    signer = self_made(tmp_path, NOON)
    path = tmp_path / FILE
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        assert self_made(tmp_path, NOON) == signer
        assert path.stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in repr(signer)


def test_the_authority_has_no_key_any_more(tmp_path):
    signer = self_made(tmp_path, NOON)
    assert (tmp_path / FILE).read_bytes().count(b"PRIVATE KEY-----") == 2  # begin and end of one
    leaf, authority = x509.load_pem_x509_certificates(signer.chain)
    leaf.verify_directly_issued_by(authority)
    assert leaf.public_key() != authority.public_key()
    assert leaf.not_valid_before_utc < NOON < leaf.not_valid_after_utc


def test_it_is_replaced_while_it_still_lasts_ten_years(tmp_path):
    first = self_made(tmp_path, NOON)
    assert self_made(tmp_path, NOON + 9.9 * YEAR) == first
    later = NOON + 10.1 * YEAR
    second = self_made(tmp_path, later)
    assert second != first
    leaf = x509.load_pem_x509_certificates(second.chain)[0]
    assert leaf.not_valid_after_utc - later > 19 * YEAR
    # A clock that was wrong and is set back: the certificate of the future signs nothing.
    assert self_made(tmp_path, NOON) not in (first, second)


@pytest.mark.parametrize("damage", [b"", b"x", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_one_is_named_and_left_alone(tmp_path, damage):
    self_made(tmp_path, NOON)
    (tmp_path / FILE).write_bytes(damage)
    with pytest.raises(UsageError, match=FILE) as caught:
        self_made(tmp_path, NOON)
    assert "remove the file" in caught.value.hint
    assert (tmp_path / FILE).read_bytes() == damage


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"signer\.pem"):
        self_made(tmp_path / "file" / "signing", NOON)


@pytest.mark.parametrize("alg", KEYS)
def test_a_persons_own_of_every_kind(tmp_path, alg):
    chain, key, _ = issued(tmp_path, alg)
    signer = open_signer(tmp_path / "none", NOON, chain=chain, key=key)
    assert (signer.alg, signer.name) == (alg, "Studio Nine")
    assert not (tmp_path / "none").exists()


def refusal(tmp_path, chain, key):
    with pytest.raises(UsageError) as caught:
        open_signer(tmp_path / "none", NOON, chain=chain, key=key)
    assert caught.value.hint
    return caught.value.message


def test_what_can_be_wrong_with_it_is_said_before_anything_is_signed(tmp_path):
    chain, key, root = issued(tmp_path)
    _, other, _ = issued(tmp_path, "es384")
    assert "one of them is not named" in refusal(tmp_path, chain, None)
    assert "one of them is not named" in refusal(tmp_path, None, key)
    assert "does not belong" in refusal(tmp_path, chain, other)
    assert "no key" in refusal(tmp_path, chain, root)
    assert "no certificate" in refusal(tmp_path, key, key)
    assert "gone.pem is missing" in refusal(tmp_path, tmp_path / "gone.pem", key)
    assert "cannot be read" in refusal(tmp_path, chain, tmp_path)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"password": b"secret"}, "locked with a password"),
        ({"ends": NOON - timedelta(hours=1)}, "valid from 2026-04-30 to 2026-05-01 only"),
        ({"begins": NOON + timedelta(hours=1)}, "only"),
        ({"purpose": ExtendedKeyUsageOID.SERVER_AUTH}, "may not sign labels"),
        ({"purpose": None}, "may not sign labels"),
    ],
)
def test_a_certificate_that_may_not_sign(tmp_path, faults, said):
    chain, key, _ = issued(tmp_path, **faults)
    assert said in refusal(tmp_path, chain, key)
