"""Networks to and from folders in the layout of diffusers, and the package's bundled weights.

`model/` is a Stable Diffusion repository (its UNet is the pictures' UNet), `motion/` the motion
adapter, `judge/` the reader of clips. Weights are float16 safetensors.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import nn

from reelkiln.errors import WeightsBroken
from reelkiln.models.hashes import hash_file
from reelkiln.models.manifest import read_manifest, write_manifest, wrong_size
from training.spark.captions import PHRASES
from training.spark.networks import Joint, autoencoder, denoiser, text_encoder
from training.spark.noise import scheduler
from training.spark.tokenizer import VOCABULARY, load_tokenizer
from training.spark.world import JUDGED

__all__ = ["BUNDLED", "check_export", "export", "load_joint", "save_joint"]

BUNDLED = Path(__file__).parents[2] / "src/reelkiln/models/bundled/spark"


def save_joint(joint: Joint, folder: Path) -> None:
    """Write `text_encoder`, `unet` and `motion` below a folder, in float16."""
    unet, adapter, _ = denoiser(joint.sizes)
    state = {k: v.detach().cpu() for k, v in joint.unet.state_dict().items()}
    unet.load_state_dict({k: v for k, v in state.items() if "motion_modules" not in k})
    adapter.load_state_dict({k: v for k, v in state.items() if "motion_modules" in k})
    text = text_encoder(joint.sizes, load_tokenizer())
    text.load_state_dict({k: v.detach().cpu() for k, v in joint.text.state_dict().items()})
    for name, module in (("unet", unet), ("motion", adapter), ("text_encoder", text)):
        module.half().save_pretrained(str(folder / name), safe_serialization=True)
    _name_text_weights(folder / "text_encoder/model.safetensors")


def _name_text_weights(file: Path) -> None:
    """Names with the prefix that every version of transformers reads."""
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    weights = load_file(file)
    if not any(name.startswith("text_model.") for name in weights):
        renamed = {f"text_model.{name}": value for name, value in weights.items()}
        save_file(renamed, file, metadata={"format": "pt"})


def load_joint(joint: Joint, folder: Path) -> None:
    """Fill the networks from a folder that `save_joint` or `export` wrote.

    Raises:
        WeightsBroken: a file is missing, cut short, or of other sizes; the message names it.
    """
    root = folder / "model" if (folder / "model").exists() else folder
    unet = _read(root / "unet/diffusion_pytorch_model.safetensors")
    unet |= _read(folder / "motion/diffusion_pytorch_model.safetensors")
    text = _read(root / "text_encoder/model.safetensors")
    prefix = (
        "" if any(k.startswith("text_model.") for k in joint.text.state_dict()) else "text_model."
    )
    text = {k.removeprefix(prefix): v for k, v in text.items()}
    for part, weights, file in ((joint.unet, unet, "unet"), (joint.text, text, "text_encoder")):
        try:
            part.load_state_dict(weights)
        except RuntimeError as wrong:
            raise WeightsBroken(
                f"{root / file} holds other sizes than these networks: {str(wrong)[:200]}",
                hint="Train with the sizes it was made with, or start afresh in an empty folder.",
            ) from wrong


def _read(file: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return {name: value.float() for name, value in load_file(file).items()}
    except (OSError, SafetensorError) as wrong:
        raise WeightsBroken(
            f"{file} cannot be read: {wrong}", hint="Take it from the run that wrote it, whole."
        ) from wrong


def export(
    joint: Joint,
    vae: Any,
    judge: nn.Module,
    facts: dict[str, Any],
    folder: Path,
) -> Path:
    """Write the bundled model: `model/`, `motion/`, `judge/` and the record of their hashes.

    Args:
        joint: trained text encoder and denoiser.
        vae: the autoencoder they were trained on.
        judge: the reader of clips, see `reelkiln.backends.spark_judge`.
        facts: what the judge's training found out about itself.
        folder: the bundled model's folder; its weights are replaced, its README stays.

    Returns:
        the folder.
    """
    for name in ("model", "motion", "judge"):
        shutil.rmtree(folder / name, ignore_errors=True)
    save_joint(joint, folder / "model")
    (folder / "model/motion").rename(folder / "motion")
    plain = autoencoder(joint.sizes)
    plain.load_state_dict({k: v.detach().cpu() for k, v in vae.state_dict().items()})
    plain.half().save_pretrained(str(folder / "model/vae"), safe_serialization=True)
    scheduler().save_pretrained(str(folder / "model/scheduler"))
    shutil.copytree(VOCABULARY, folder / "model/tokenizer")
    _write_index(folder / "model/model_index.json")
    _write_judge(judge, facts, folder / "judge")
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)
    write_manifest(folder)
    return folder


def _write_index(file: Path) -> None:
    from diffusers import __version__  # noqa: PLC0415

    parts = {
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "safety_checker": [None, None],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": __version__,
        "requires_safety_checker": False,
        **parts,
    }
    file.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8", newline="\n")


def _write_judge(judge: nn.Module, facts: dict[str, Any], folder: Path) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415

    folder.mkdir(parents=True)
    weights = {k: v.detach().cpu().half().contiguous() for k, v in judge.state_dict().items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    phrases = {f: {k: list(v) for k, v in labels.items()} for f, labels in PHRASES.items()}
    config = {"factors": {f: phrases[f] for f in JUDGED}, "other": phrases["light"], **facts}
    text = json.dumps(config, indent=1, ensure_ascii=False)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def check_export(folder: Path) -> None:
    """Compare every file with the record, and the tokenizer with the text encoder.

    Raises:
        WeightsBroken: a file is missing, cut short or changed, or the tokenizer is another one;
            the message names the file.
    """
    record = read_manifest(folder)
    wrong = wrong_size(folder, record)
    for name, file in record.items():
        if wrong is None and hash_file(folder / name, _ignore).sha256 != file.sha256:
            wrong = f"{name} is not the file that was recorded"
    if wrong is None:
        wrong = _wrong_tokenizer(folder / "model")
    if wrong:
        raise WeightsBroken(f"the export {folder} is broken: {wrong}", hint="Export it again.")


def _wrong_tokenizer(model: Path) -> str | None:
    words = len(json.loads((model / "tokenizer/vocab.json").read_text(encoding="utf-8")))
    config = json.loads((model / "text_encoder/config.json").read_text(encoding="utf-8"))
    if words != config["vocab_size"]:
        return (
            f"model/tokenizer/vocab.json has {words} entries, and the text encoder knows "
            f"{config['vocab_size']}"
        )
    return None


def _ignore(_size: int) -> None:
    """Nobody watches."""
