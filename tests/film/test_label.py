"""The mark "made by AI": put in, read back, and every way in which it can be lost or broken."""

import errno
import io
import json
import shutil
import struct
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import c2pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from film.foreign import body_of
from film.scenes import ffmpeg, made_by_ffmpeg, make
from film.signers import NOON, issued
from film.test_stops import child, left_in, said
from reelkiln.errors import FilmError, UsageError
from reelkiln.film.boxes import scan
from reelkiln.film.certificate import own, self_made
from reelkiln.film.facts import probe
from reelkiln.film.label import Claim, label, verify
from reelkiln.film.manifest import definition, read_store
from reelkiln.film.seal import read_manifests, seal
from reelkiln.film.tags import read_tags
from reelkiln.film.xmp import MADE_BY_AI, UUID, xmp_box
from waiting import wait_for

RECIPE = "5e" * 32
TAGS = {"title": "a jar", "reelkiln.recipe": RECIPE}
CHANGED = "the film was changed after it was signed"


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """A signer and two films: as finished, and labelled."""
    folder = tmp_path_factory.mktemp("kit")
    signer = self_made(folder, NOON)
    make(folder / "plain.mp4", tags=TAGS)
    shutil.copy(folder / "plain.mp4", folder / "labelled.mp4")
    label(folder / "labelled.mp4", Claim(recipe=RECIPE), signer)
    return folder, signer


@pytest.fixture
def plain(kit, tmp_path):
    return shutil.copy(kit[0] / "plain.mp4", tmp_path / "jar.mp4")


@pytest.fixture
def labelled(kit, tmp_path):
    return shutil.copy(kit[0] / "labelled.mp4", tmp_path / "jar.mp4")


def changed(movie, at, how=lambda byte: byte ^ 1):
    data = bytearray(movie.read_bytes())
    data[at] = how(data[at])
    movie.write_bytes(data)
    return movie


def inside(movie, kind):
    """Body and end of the first box of a kind at the top of a film."""
    with movie.open("rb") as file:
        boxes = scan(file, movie.stat().st_size)
    box = next(box for box in boxes if box.path == kind)
    return box.body, box.end


# ── what a label says, and what it leaves as it was ──────────────────────────────────────────────


def test_a_labelled_film_says_what_made_it_and_by_which_recipe(labelled):
    report = verify(labelled)
    assert (report.state, report.reason, report.signed, report.ok) == (
        "issuer unknown", "", True, True,
    )  # fmt: skip
    assert report.made_by_ai
    assert report.claims == ("created: trainedAlgorithmicMedia", "XMP: trainedAlgorithmicMedia")
    assert (report.recipe, report.words) == (RECIPE, "")
    assert report.signer.startswith("reelkiln on this machine")


def test_what_it_claims_is_the_signers_own_word_and_not_hearsay(labelled):
    with labelled.open("rb") as film:
        store = read_manifests(film, "video/mp4")
    said = store["manifests"][store["active_manifest"]]["assertions"]
    assert {one["label"]: one.get("created") for one in said} == {
        "c2pa.hash.bmff.v3": True,
        "c2pa.actions.v2": True,
        "org.reelkiln.recipe": True,
    }


def test_the_film_in_it_is_the_same(kit, labelled):
    before, after = probe(kit[0] / "plain.mp4"), probe(labelled)
    assert after.moov_first
    assert after.edit_lists == 0
    assert after == replace(before, bytes=after.bytes)
    assert after.decoded
    assert read_tags(labelled) == TAGS
    (start, end), (at, last) = inside(kit[0] / "plain.mp4", "mdat"), inside(labelled, "mdat")
    assert (kit[0] / "plain.mp4").read_bytes()[start:end] == labelled.read_bytes()[at:last]
    said = ffmpeg("-v", "error", "-xerror", "-i", str(labelled), "-f", "null", "-")
    assert (said.returncode, said.stderr) == (0, "")


def test_it_costs_a_few_kilobytes_and_leaves_nothing_beside_it(plain, kit):
    before = plain.stat().st_size
    facts = label(plain, Claim(recipe=RECIPE), kit[1])
    assert facts.bytes == plain.stat().st_size < before + 8192
    assert left_in(plain.parent) == ["jar.mp4"]


def test_words_go_in_only_where_somebody_asked(plain, labelled, kit):
    assert b"words" not in labelled.read_bytes()
    again = shutil.copy(kit[0] / "plain.mp4", plain.with_name("open.mp4"))
    label(again, Claim(recipe=RECIPE, words="a gold bottle, 金"), kit[1])
    assert verify(again).words == "a gold bottle, 金"


def test_the_films_own_name_is_not_in_it(kit, tmp_path):
    movie = shutil.copy(kit[0] / "plain.mp4", tmp_path / "a-secret-bottle-7.mp4")
    label(movie, Claim(recipe=RECIPE), kit[1])
    assert b"secret" not in movie.read_bytes()


def test_a_film_is_labelled_once(labelled, kit):
    before = labelled.read_bytes()
    with pytest.raises(FilmError, match="carries a label already"):
        label(labelled, Claim(recipe=RECIPE), kit[1])
    assert labelled.read_bytes() == before


# ── who signed ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("alg", ["es256", "ps256"])
def test_a_persons_own_certificate_is_valid_for_those_who_trust_its_issuer(plain, tmp_path, alg):
    chain, key, root = issued(tmp_path, alg)
    label(plain, Claim(recipe=RECIPE), own(chain, key, NOON))
    assert verify(plain).state == "issuer unknown"
    trusted = verify(plain, trust=root)
    assert (trusted.state, trusted.signer, trusted.ok) == ("valid", "Studio Nine", True)


def test_another_issuer_of_the_same_name_is_not_believed(plain, tmp_path):
    chain, key, _ = issued(tmp_path)
    label(plain, Claim(recipe=RECIPE), own(chain, key, NOON))
    (tmp_path / "others").mkdir()
    _, _, root = issued(tmp_path / "others")
    assert verify(plain, trust=root).state == "issuer unknown"


def test_whom_to_trust_must_be_certificates(labelled, tmp_path):
    with pytest.raises(UsageError, match=r"gone\.pem is missing"):
        verify(labelled, trust=tmp_path / "gone.pem")
    for words in (b"", b"trust me", b"-----BEGIN CERTIFICATE-----\nAAAA\n"):
        (tmp_path / "odd.pem").write_bytes(words)
        with pytest.raises(UsageError, match="certificates"):
            verify(labelled, trust=tmp_path / "odd.pem")


def test_an_expired_certificate_is_said(plain, tmp_path):
    for seconds in (3, 30, 90):  # a busy machine needs longer until it is labelled and looked at
        now, film, valid = datetime.now(UTC), tmp_path / f"{seconds}.mp4", False
        ends = now + timedelta(seconds=seconds)
        chain, key, _ = issued(tmp_path, begins=now - timedelta(days=9), ends=ends)
        shutil.copy(plain, film)
        with suppress(FilmError):
            label(film, Claim(recipe=RECIPE), own(chain, key, now))
            valid = verify(film).ok
        if datetime.now(UTC) < ends:
            break
    assert valid
    wait_for(lambda: datetime.now(UTC) > ends + timedelta(seconds=1))
    report = verify(film)
    assert (report.state, report.ok) == ("broken", False)
    assert "expired" in report.reason


def test_a_signer_that_fails_leaves_the_film_as_it_was(plain, kit, tmp_path):
    before = plain.read_bytes()
    with pytest.raises(FilmError, match=r"jar\.mp4 could not be labelled"):
        label(plain, Claim(recipe=RECIPE), replace(kit[1], key=b"no key"))
    assert plain.read_bytes() == before
    assert left_in(tmp_path) == ["jar.mp4"]


# ── what breaks a label ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["mdat", "moov"])
def test_one_flipped_bit_of_the_film_is_caught(labelled, kind, share):
    start, end = inside(labelled, kind)
    if kind == "moov":  # the creation time, or a letter of a tag: nothing that the layout needs
        start = end = body_of(labelled.read_bytes(), b"a jar") - 4
    report = verify(changed(labelled, start + int((end - start) * share)))
    assert (report.state, report.reason, report.ok) == ("broken", CHANGED, False)
    assert report.signed


def test_no_byte_behind_the_label_changes_unseen(labelled):
    """Of a whole film only the brand, the head of the label's box and its padding may change."""
    data = labelled.read_bytes()
    _, end = inside(labelled, "uuid")
    assert end < len(data) / 2
    for at in range(end, len(data), 11):
        labelled.write_bytes(data)
        try:
            report = verify(changed(labelled, at))
        except FilmError:
            continue
        assert not report.ok, at


def test_the_xmp_note_is_under_the_signature_too(labelled):
    data = labelled.read_bytes()
    labelled.write_bytes(data[: -len(xmp_box())])
    assert verify(labelled).reason == CHANGED
    labelled.write_bytes(
        data.replace(b'/trainedAlgorithmicMedia"/>', b'/digitalCapture---------"/>')
    )
    assert verify(labelled).reason == CHANGED


@pytest.mark.parametrize("words", [b"c2pa.created", RECIPE.encode(), b"trainedAlgorithmicMedia"])
def test_a_changed_claim_is_caught(labelled, words):
    at = labelled.read_bytes().index(words)
    report = verify(changed(labelled, at + 3))
    assert report.state == "broken"
    assert report.reason
    assert not report.ok


def test_the_label_of_another_film_does_not_hold(kit, labelled, tmp_path):
    make(tmp_path / "other.mp4", seconds=0.5, tags=TAGS)
    label(tmp_path / "other.mp4", Claim(recipe=RECIPE), kit[1])
    (_, end), (_, last) = inside(labelled, "uuid"), inside(tmp_path / "other.mp4", "uuid")
    mixed = (tmp_path / "other.mp4").read_bytes()[:last] + labelled.read_bytes()[end:]
    labelled.write_bytes(mixed)
    try:
        report = verify(labelled)
    except FilmError:
        return  # the places of the samples may already contradict the file
    assert not report.ok


# ── what is no label ─────────────────────────────────────────────────────────────────────────────


def test_a_film_written_anew_by_another_program_is_not_labelled(labelled, tmp_path):
    stripped = made_by_ffmpeg(tmp_path / "b.mp4", "-i", str(labelled), "-c", "copy")
    report = verify(stripped)
    assert (report.state, report.reason, report.signed, report.made_by_ai, report.ok) == (
        "none", "", False, False, False,
    )  # fmt: skip


def test_a_stripped_manifest_leaves_words_that_nobody_signed(labelled):
    at = labelled.read_bytes().index(b"uuid")
    data = bytearray(labelled.read_bytes())
    data[at : at + 4] = b"free"
    labelled.write_bytes(data)
    report = verify(labelled)
    assert (report.state, report.made_by_ai, report.ok) == ("none", True, False)
    assert report.claims == ("XMP: trainedAlgorithmicMedia",)


def foreign_label(source, target, signer, *names, **more):
    """Sign a film with other actions than ours, as other programs do."""
    actions = [{"action": name} | more for name in names]
    manifest = definition(Claim(recipe=RECIPE))
    manifest["assertions"] = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}]
    with source.open("rb") as film, target.open("w+b") as out:
        seal(film, out, "video/mp4", manifest, signer)
    return target


def test_a_signed_film_of_a_camera_is_not_labelled_as_made_by_ai(kit, plain, tmp_path):
    camera = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    target = tmp_path / "camera.mp4"
    report = verify(foreign_label(plain, target, kit[1], "c2pa.created", digitalSourceType=camera))
    assert (report.state, report.made_by_ai, report.ok) == ("issuer unknown", False, False)
    assert report.claims == ("created: digitalCapture",)
    assert report.recipe == ""


def test_what_a_film_says_cannot_rewrite_the_terminal(kit, plain, tmp_path):
    odd = "\x1b[2Jevil\r\x9b31m" + "x" * 1000
    target = tmp_path / "evil.mp4"
    report = verify(
        foreign_label(plain, target, kit[1], "c2pa.created", odd, digitalSourceType=MADE_BY_AI)
    )
    said = report.claims[-1]
    assert said.isprintable()
    assert len(said) < 250


def test_nothing_is_fetched_whatever_a_film_says(kit, plain, tmp_path):
    asked = []

    class Hear(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Hear)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        far = f"http://127.0.0.1:{server.server_port}/label.c2pa"
        info = c2pa.C2paSignerInfo("es256", kit[1].chain, kit[1].key, None)
        target = tmp_path / "far.mp4"
        with (
            c2pa.Context() as context,
            c2pa.Signer.from_info(info) as pen,
            c2pa.Builder(json.dumps(definition(Claim(recipe=RECIPE))), context=context) as builder,
            plain.open("rb") as film,
            target.open("w+b") as out,
        ):
            builder.set_no_embed()
            builder.set_remote_url(far)
            builder.sign(pen, "video/mp4", film, out)
        assert far.encode() in target.read_bytes()
        report = verify(target)
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []
    assert (report.state, report.ok) == ("none", False)
    assert "internet" in report.reason


# ── what is no film ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("left", [0.02, 0.3, 0.6, 0.9, 0.9999])
def test_a_truncated_film_is_named(labelled, left):
    data = labelled.read_bytes()
    labelled.write_bytes(data[: int(len(data) * left)])
    with pytest.raises(FilmError, match=r"jar\.mp4 is cut short or damaged"):
        verify(labelled)


def test_a_film_cut_between_two_boxes_is_named(labelled):
    _, end = inside(labelled, "ftyp")
    labelled.write_bytes(labelled.read_bytes()[:end])
    with pytest.raises(FilmError, match="its index is missing"):
        verify(labelled)


def test_samples_beyond_the_end_are_named(labelled):
    data = labelled.read_bytes()
    at, _ = inside(labelled, "mdat")
    labelled.write_bytes(data[: at - 8] + struct.pack(">I", 48) + data[at - 4 : at + 40])
    with pytest.raises(FilmError, match="beyond its end"):
        verify(labelled)


@pytest.mark.parametrize("content", [b"", b"x", b"words, no film" * 99, b"\x89PNG\r\n\x1a\n" * 9])
def test_what_is_no_mp4_is_named(tmp_path, content):
    movie = tmp_path / "jar.mp4"
    movie.write_bytes(content)
    for look in (verify, lambda path: label(path, Claim(recipe=RECIPE), None)):
        with pytest.raises(FilmError, match=r"jar\.mp4"):
            look(movie)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.mp4 is missing"):
        verify(tmp_path / "gone.mp4")
    with pytest.raises(UsageError, match="cannot be read"):
        verify(tmp_path)


# ── the parts ────────────────────────────────────────────────────────────────────────────────────


def test_a_full_disk_leaves_the_film_as_it_was(plain, kit):
    before = plain.read_bytes()
    words = said(
        child(
            """
            import resource
            from reelkiln.errors import ReelkilnError
            from reelkiln.film.certificate import self_made
            from reelkiln.film.label import Claim, label
            from film.signers import NOON
            movie, most = Path(sys.argv[1]), int(sys.argv[3])
            signer = self_made(Path(sys.argv[2]), NOON)
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
            try:
                label(movie, Claim(recipe="a" * 64), signer)
            except ReelkilnError as error:
                print(error.code, error.message, sep="|")
            """,
            plain,
            kit[0],
            len(before) + 1000,
        )
    )
    assert words.startswith("disk_full|"), words
    assert words.strip().endswith("jar.mp4 could not be written: the disk is full")
    assert plain.read_bytes() == before
    assert left_in(plain.parent) == ["jar.mp4"]


def test_a_full_disk_is_not_mistaken_for_a_fault_of_the_library(kit, plain):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    with plain.open("rb") as film, pytest.raises(OSError, match="No space left") as caught:
        seal(film, Full(), "video/mp4", definition(Claim(recipe=RECIPE)), kit[1])
    assert caught.value.errno == errno.ENOSPC


def test_the_xmp_box_is_one_box_of_the_kind_that_adobe_registered():
    box = xmp_box()
    assert struct.unpack(">I4s", box[:8]) == (len(box), b"uuid")
    assert box[8:24] == UUID
    assert box.count(MADE_BY_AI.encode()) == 1


def test_other_programs_ways_to_write_the_term_are_read(plain):
    for words in (
        f'<a Iptc4xmpExt:DigitalSourceType = "{MADE_BY_AI}"/>',
        f"<Iptc4xmpExt:DigitalSourceType>{MADE_BY_AI}</Iptc4xmpExt:DigitalSourceType>",
        f"<Iptc4xmpExt:DigitalSourceType rdf:resource='{MADE_BY_AI}'/>",
        f'<a e:DigitalSourceType="{MADE_BY_AI.replace("http:", "https:")}"/>',
    ):
        body = UUID + words.encode()
        noted = plain.with_name("noted.mp4")
        noted.write_bytes(plain.read_bytes() + struct.pack(">I4s", 8 + len(body), b"uuid") + body)
        report = verify(noted)
        assert (report.made_by_ai, report.state) == (True, "none")


KEYS = [
    *("manifests", "active_manifest", "m", "assertions", "label", "data", "actions", "action"),
    *("validation_state", "validation_results", "activeManifest", "failure", "code"),
    *("signature_info", "digitalSourceType", "common_name"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_no_answer_of_the_library_is_trusted_to_have_a_shape(store):
    told = read_store(store)
    assert told.state in ("valid", "issuer unknown", "broken")
    if told.state != "broken":
        assert store["validation_state"] in ("Trusted", "Valid")
    assert all(one.isprintable() for one in (told.reason, told.signer, *told.claims))


@pytest.mark.parametrize(
    ("said", "codes", "state"),
    [
        ("Trusted", [], "valid"),
        ("Trusted", ["signingCredential.untrusted"], "broken"),
        ("Valid", ["signingCredential.untrusted"], "issuer unknown"),
        ("Valid", ["signingCredential.untrusted", "assertion.bmffHash.mismatch"], "broken"),
        ("Invalid", [], "broken"),
        ("Perfect", [], "broken"),
        (None, [], "broken"),
    ],
)
def test_only_a_clean_answer_counts(said, codes, state):
    failure = [{"code": code} for code in codes]
    store = {
        "validation_state": said,
        "validation_results": {"activeManifest": {"failure": failure}},
    }
    told = read_store(store)
    assert told.state == state
    assert bool(told.reason) == (state == "broken")
