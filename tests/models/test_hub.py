"""What the hub answers, and what it answers when something is wrong."""

from __future__ import annotations

import socket

import pytest
from huggingface_hub import constants
from toys import a_card, a_source, safetensors

from loopback import LoopbackHub
from reelkiln.errors import HubUnreachable, ReelkilnError, WeightsBroken, WeightsMissing
from reelkiln.models import order
from reelkiln.models.absent import list_files
from reelkiln.models.hub import Hub, Pinned, peek_header, read_from, resolve, this_hub

REPO = "maker/toy"
CONFIG = {"config.json": b'{"toy": true}'}


def test_a_branch_becomes_a_commit(hub: LoopbackHub, here: Hub) -> None:
    commit = hub.add(REPO, CONFIG)
    other = hub.add(REPO, CONFIG, branch="refs/pr/1")
    assert resolve(here, REPO, "main") == commit
    assert resolve(here, REPO, "refs/pr/1") == other
    assert resolve(here, REPO, commit) == commit


def test_sizes_and_hashes_are_the_hubs(hub: LoopbackHub, here: Hub) -> None:
    large = safetensors({"w": ("F32", (4096,))})
    at = Pinned(REPO, hub.add(REPO, {**CONFIG, "w.safetensors": large}))
    weights, config = list_files(here, at, ("w.safetensors", "config.json"))
    assert (weights.size, len(weights.sha256)) == (len(large), 64)
    assert (config.size, config.sha256, len(config.blob)) == (13, "", 40)


def gate(hub: LoopbackHub) -> None:
    hub.faults.gated = {REPO}


def shut(hub: LoopbackHub) -> None:
    hub.faults.private = {REPO}


def hotel(hub: LoopbackHub) -> None:
    hub.faults.login_page = True


def ill(hub: LoopbackHub) -> None:
    hub.faults.statuses = [("/api/", 500)]


def asked_all(here: Hub, repo: str = REPO, branch: str = "main") -> bytes:
    at = Pinned(repo, resolve(here, repo, branch))
    file = list_files(here, at, ("config.json",))[0]
    return b"".join(piece for _, piece in read_from(here, at, file, 0))


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (gate, WeightsMissing, "maker/toy is only given to people who accepted its terms"),
        (shut, WeightsMissing, "the hub has no model maker/toy, or it is private"),
        (hotel, HubUnreachable, "is not a model hub"),
        (ill, HubUnreachable, "could not serve maker/toy (HTTP 500)"),
    ],
    ids=["gated", "private", "hotel", "ill"],
)
def test_a_hub_with_a_fault(
    hub: LoopbackHub, here: Hub, fault: object, kind: type[ReelkilnError], words: str
) -> None:
    hub.add(REPO, CONFIG)
    fault(hub)
    with pytest.raises(kind) as caught:
        asked_all(here)
    assert words in caught.value.message
    assert caught.value.hint


def test_where_to_accept_the_terms(hub: LoopbackHub, here: Hub) -> None:
    hub.add(REPO, CONFIG)
    hub.faults.gated = {REPO}
    with pytest.raises(WeightsMissing) as caught:
        asked_all(here)
    assert f"{hub.endpoint}/maker/toy" in caught.value.hint


def test_a_token_opens_what_is_private(hub: LoopbackHub) -> None:
    hub.add(REPO, CONFIG)
    hub.faults.private, hub.faults.token = {REPO}, "hf_right"
    assert asked_all(Hub(endpoint=hub.endpoint, token="hf_right")) == CONFIG["config.json"]
    with pytest.raises(WeightsMissing, match="or it is private"):
        asked_all(Hub(endpoint=hub.endpoint, token="hf_wrong"))


def test_an_unknown_branch_is_named(hub: LoopbackHub, here: Hub) -> None:
    hub.add(REPO, CONFIG)
    with pytest.raises(WeightsMissing, match="no longer has the revision"):
        resolve(here, REPO, "gone")


def test_nobody_listens() -> None:
    with socket.socket() as held:  # bound and not listening: refused
        held.bind(("127.0.0.1", 0))
        closed = Hub(endpoint=f"http://127.0.0.1:{held.getsockname()[1]}", timeout=5.0)
        with pytest.raises(HubUnreachable, match="cannot be reached for maker/toy") as caught:
            resolve(closed, REPO, "main")
    assert "--model spark" in caught.value.hint
    assert caught.value.exit_code == 75


def test_nobody_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        dumb = Hub(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.2)
        with pytest.raises(HubUnreachable, match="ReadTimeout"):
            resolve(dumb, REPO, "main")


def test_offline_mode_asks_nobody(
    hub: LoopbackHub, here: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add(REPO, CONFIG)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubUnreachable, match="offline mode is on") as caught:
        resolve(here, REPO, "main")
    assert "HF_HUB_OFFLINE" in caught.value.hint
    assert not hub.asked


def test_the_environment_names_the_hub_and_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_mine")
    monkeypatch.setattr(constants, "ENDPOINT", "https://mirror.example")
    assert (this_hub().endpoint, this_hub().token) == ("https://mirror.example", "hf_mine")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", True)
    assert this_hub().token is None


def test_a_header_is_read_without_the_file(hub: LoopbackHub, here: Hub) -> None:
    data = safetensors({"w": ("F32", (100, 5000))})
    at = Pinned(REPO, hub.add(REPO, {"m.fp16.safetensors": data}))
    file = list_files(here, at, ("m.fp16.safetensors",))[0]
    header = peek_header(here, at, file)
    assert (header.params, header.floating_bits) == (500_000, 32.0)
    ranges = [a.headers.get("range") for a in hub.gets() if a.server == "storage"]
    assert ranges == ["bytes=0-7", f"bytes=8-{header.data_start - 1}"]


def test_a_file_too_short_for_its_header_is_named_before_it_is_fetched(
    hub: LoopbackHub, here: Hub
) -> None:
    data = safetensors({"w": ("F32", (100, 500))}, cut=4000)
    at = Pinned(REPO, hub.add(REPO, {"w.safetensors": data}))
    file = list_files(here, at, ("w.safetensors",))[0]
    with pytest.raises(WeightsBroken, match=r"maker/toy/w\.safetensors has 196\d+ bytes"):
        peek_header(here, at, file)


def test_a_variant_that_is_not_what_its_name_says_is_a_warning(
    hub: LoopbackHub, here: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real case: the fp16 file of guoyww/animatediff-motion-adapter-v1-5-2 is 1.82 GB."""
    monkeypatch.setattr(order, "PEEK_ABOVE", 1_000_000)
    wide = safetensors({"motion_modules.w": ("F32", (1000, 500))})
    narrow = safetensors({"w": ("F16", (1000, 1000))})
    hub.add(REPO, {"a.fp16.safetensors": wide, "b.fp16.safetensors": narrow})
    card = a_card(a_source(REPO, "a.fp16.safetensors", "b.fp16.safetensors"))
    warnings = order.needed(card, "standard", hub=here).warnings
    assert warnings == (
        "a.fp16.safetensors says fp16 but holds 0 million numbers of 32 bits: it saves nothing",
    )


def test_a_hub_that_lists_nonsense_is_no_hub(hub: LoopbackHub, here: Hub) -> None:
    at = Pinned(REPO, hub.add(REPO, CONFIG))
    hub.faults.huge = {"config.json": -1}
    with pytest.raises(HubUnreachable, match="without a size or hash"):
        list_files(here, at, ("config.json",))


def test_another_file_than_listed_is_refused(hub: LoopbackHub, here: Hub) -> None:
    first = safetensors({"w": ("F32", (4096,))})
    second = safetensors({"w": ("F32", (4096,))}, fill=b"\1")
    old = Pinned(REPO, hub.add(REPO, {"w.safetensors": first}))
    new = Pinned(REPO, hub.add(REPO, {"w.safetensors": second}))
    file = list_files(here, old, ("w.safetensors",))[0]
    with pytest.raises(WeightsBroken, match="another maker/toy"):
        list(read_from(here, new, file, 0))
