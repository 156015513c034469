"""What a label claims: built for our films, and read from anybody's. Pure: no library, no disk.

A C2PA manifest is a list of assertions that are signed together (C2PA specification 2.4). Ours are
two: it was created by a trained model, and by which recipe. What comes from a file is never
trusted: types are checked, texts are shortened and cleaned of what could rewrite a terminal.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from reelkiln import __version__
from reelkiln.film.xmp import AI_TYPES, MADE_BY_AI

__all__ = ["RECIPE", "Claim", "State", "Told", "definition", "read_store"]

RECIPE = "org.reelkiln.recipe"
"""The label of our own assertion."""

State: TypeAlias = Literal["valid", "issuer unknown", "broken", "none"]

_TEXT_MAX = 200
_WORDS_MAX = 64 * 2**10
_CLAIMS_MAX = 100
_UNTRUSTED = "signingCredential.untrusted"
_CHANGED = "the film was changed after it was signed"
_MISSING = "a part of the label is missing"
_REASONS: Mapping[str, str] = {
    "assertion.bmffHash.mismatch": _CHANGED,
    "assertion.dataHash.mismatch": _CHANGED,
    "assertion.hashedURI.mismatch": "the claims were changed after they were signed",
    "claimSignature.mismatch": "the signature does not match the claims",
    "claimSignature.missing": _MISSING,
    "claimSignature.outsideValidity": "the certificate was not valid when it signed",
    "assertion.missing": _MISSING,
    "claim.missing": _MISSING,
    "claim.hardBindings.missing": "the label is not bound to a film",
    "signingCredential.expired": "the certificate has expired",
    "signingCredential.invalid": "the certificate is not one that may sign labels",
    "signingCredential.revoked": "the certificate was withdrawn",
    "signingCredential.ocsp.revoked": "the certificate was withdrawn",
}
"""C2PA's codes of failures (specification 2.4, "Standard status codes") in our words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What we say of a film: the sha256 of its recipe, and the words only where somebody asked."""

    recipe: str
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a store of manifests says, as far as it was understood."""

    state: State
    reason: str
    signer: str
    made_by_ai: bool
    claims: tuple[str, ...]
    recipe: str
    words: str


def definition(claim: Claim) -> dict[str, Any]:
    """The manifest of one of our films. It names no file: a file's name often holds the prompt."""
    agent = {"name": "reelkiln", "version": __version__}
    created = {
        "action": "c2pa.created",
        "digitalSourceType": MADE_BY_AI,
        "softwareAgent": agent,
    }
    recipe = {"sha256": claim.recipe} | ({"words": claim.words} if claim.words else {})
    return {
        "claim_generator_info": [agent],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [created]}, "created": True},
            {"label": RECIPE, "data": recipe, "created": True},
        ],
    }


def read_store(store: object) -> Told:
    """Read what the library tells of a film's manifests: anything may be missing or odd in it."""
    top = _table(store)
    manifests = _table(top.get("manifests"))
    active = _table(manifests.get(str(top.get("active_manifest"))))
    state, reason = _state(top)
    signature = _table(active.get("signature_info"))
    names = (_text(signature.get("common_name")), _text(signature.get("issuer")))
    actions = [found for one in manifests.values() for found in _actions(_table(one))]
    recipe = next((data for label, data in _assertions(active) if label == RECIPE), {})
    return Told(
        state=state,
        reason=reason,
        signer=" of ".join(name for name in names if name),
        made_by_ai=any(kind in AI_TYPES for _, kind in actions),
        claims=tuple(dict.fromkeys(_said(*found) for found in actions))[:_CLAIMS_MAX],
        recipe=_text(recipe.get("sha256")),
        words=_text(recipe.get("words"), _WORDS_MAX),
    )


def _state(top: Mapping[str, Any]) -> tuple[State, str]:
    results = _table(_table(top.get("validation_results")).get("activeManifest"))
    codes = [_text(_table(one).get("code")) for one in _list(results.get("failure"))]
    wrong = [code for code in codes if code != _UNTRUSTED]
    said = top.get("validation_state")
    if said == "Trusted" and not codes:
        return "valid", ""
    if said == "Valid" and not wrong:
        return "issuer unknown", ""
    reasons = dict.fromkeys(_REASONS.get(code, f"it does not verify ({code})") for code in wrong)
    return "broken", "; ".join(reasons)[:_TEXT_MAX] or "it does not verify"


def _actions(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each action with its digital source type, "" where it names none."""
    for label, data in _assertions(manifest):
        if label.startswith("c2pa.actions"):
            for action in map(_table, _list(data.get("actions"))):
                kind = _text(action.get("digitalSourceType")).replace("https://", "http://", 1)
                yield _text(action.get("action")), kind


def _said(action: str, kind: str) -> str:
    """An action in one phrase.

    >>> _said("c2pa.created", MADE_BY_AI)
    'created: trainedAlgorithmicMedia'
    """
    name, short = action.removeprefix("c2pa."), kind.rsplit("/", 1)[-1]
    return f"{name}: {short}" if short else name


def _assertions(manifest: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for one in map(_table, _list(manifest.get("assertions"))):
        yield _text(one.get("label")), _table(one.get("data"))


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object, longest: int = _TEXT_MAX) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value[:longest])
