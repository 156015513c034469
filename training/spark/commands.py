"""Command line of the training: `python -m training.spark --help`."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import torch

from training.spark import fit
from training.spark.autoencoder import AutoencoderRun, load_autoencoder, train_autoencoder
from training.spark.captions import canonical
from training.spark.denoiser import fill_all, train_denoiser
from training.spark.distil import DistilRun, distil
from training.spark.evaluate import ask, generate, load_pipeline, report
from training.spark.export import BUNDLED, check_export, export, load_joint
from training.spark.judging import JudgeRun, load_judge, train_judge
from training.spark.lessons import DenoiserRun
from training.spark.networks import FULL, SMOKE, Joint
from training.spark.pools import SHAPES, Stock, fill_clips, nothing
from training.spark.probe import open_probe
from training.spark.sheet import write_sheet
from training.spark.tokenizer import VOCABULARY, build_vocabulary, load_tokenizer
from training.spark.words import WordsRun, train_words
from training.spark.world import names

MINUTES = {"autoencoder": 4.0, "words": 0.5, "denoiser": 12.0, "distil": 2.5, "judge": 1.5}
"""What each stage gets by default, on two GPUs of the H200 class."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.spark", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/spark"), help="checkpoints")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--gpus", type=int, default=torch.cuda.device_count())
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="tiny networks, to try the commands")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("vocabulary", help="learn the tokenizer's merges from captions again")
    train = commands.add_parser("train", help="all stages, or those named")
    train.add_argument("--stages", default=",".join(MINUTES))
    for stage, minutes in MINUTES.items():
        train.add_argument(f"--{stage}-minutes", type=float, default=minutes)
        train.add_argument(f"--{stage}-steps", type=int, help="instead of minutes")
    train.add_argument("--frames", type=int, default=40_000, help="frames of each shape")
    train.add_argument("--clips", type=int, default=14_000, help="clips for the denoiser")
    train.add_argument("--judge-clips", type=int, default=4_000, help="clips of each shape")
    train.add_argument("--batch", type=int, default=40, help="clips of the denoiser")
    train.add_argument("--rate", type=float, default=7e-4, help="of the denoiser; half to go on")
    train.add_argument("--skim", type=float, default=0.6, help="share with every second frame")
    train.add_argument("--guidance", type=float, default=3.0, help="strength that is built in")
    _readers(commands)
    return parser


def _readers(commands: Any) -> None:
    scenes = commands.add_parser("scenes", help="a picture of rendered scenes")
    scenes.add_argument("--count", type=int, default=24)
    scenes.add_argument("--shape", choices=SHAPES, default="tall")
    scenes.add_argument("--out", type=Path, required=True)
    leave = commands.add_parser("export", help="write the bundled model from --work")
    leave.add_argument("--folder", type=Path, default=BUNDLED)
    leave.add_argument("--joint", choices=("student", "joint"), default="student")
    look = commands.add_parser("evaluate", help="ask an export for held-out scenes")
    look.add_argument("--folder", type=Path, default=BUNDLED)
    look.add_argument("--count", type=int, default=256)
    look.add_argument("--out", type=Path)
    look.add_argument(
        "--runs", default="tall:8:1:plain", help="shape:steps:guidance:plain|natural, by commas"
    )
    sheet = commands.add_parser("sheet", help="a picture of clips of held-out prompts")
    sheet.add_argument("--folder", type=Path, default=BUNDLED)
    sheet.add_argument("--count", type=int, default=24)
    sheet.add_argument("--steps", type=int, default=8)
    sheet.add_argument("--guidance", type=float, default=1.0)
    sheet.add_argument("--shape", choices=SHAPES, default="tall")
    sheet.add_argument("--captions", action="store_true")
    sheet.add_argument("--out", type=Path, required=True)


def _train(rank: int, args: argparse.Namespace, world: int) -> None:
    """One process of a training; `world` of them work together."""
    device = torch.device(args.device)
    if device.type == "cuda":
        device = torch.device("cuda", rank)
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = True
        torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    if world > 1:
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", "29577")
        torch.distributed.init_process_group("nccl", rank=rank, world_size=world)
    args.work.mkdir(parents=True, exist_ok=True)
    place = fit.Place(device, rank, args.work)
    vae = _generator(args, place)
    if world > 1:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
    if "judge" in args.stages.split(",") and rank == world - 1:
        batch = 2 if args.smoke else 96
        judge = JudgeRun(args.judge_minutes, args.judge_clips, batch, steps=args.judge_steps)
        train_judge(judge, vae, args.work, device)


def _generator(args: argparse.Namespace, place: fit.Place) -> Any:
    """Each stage takes what the one before left in `--work`, if that is not trained now."""
    stages = args.stages.split(",")
    sizes, small = (SMOKE, 2) if args.smoke else (FULL, None)
    if "autoencoder" in stages:
        run = AutoencoderRun(
            args.autoencoder_minutes,
            frames=args.frames,
            batch=small or 48,
            steps=args.autoencoder_steps,
            seed=args.seed,
        )
        vae = train_autoencoder(sizes, run, place)
    else:
        vae = load_autoencoder(args.work / "vae", place.device)
    joint = Joint(sizes, load_tokenizer()).to(place.device)
    if "words" in stages:
        words = WordsRun(args.words_minutes, small or 256, steps=args.words_steps, seed=args.seed)
        train_words(joint, words, place)
    if "denoiser" in stages or "distil" in stages:
        _denoiser(args, joint, vae, place)
    return vae


def _denoiser(args: argparse.Namespace, joint: Joint, vae: Any, place: fit.Place) -> None:
    tokenizer, stages = load_tokenizer(), args.stages.split(",")
    seed = args.seed * 100 + place.rank
    pools = fill_all(args.clips, vae, tokenizer, seed=seed, device=place.device)
    stock = Stock(pools, nothing(tokenizer, place.device))
    run = DenoiserRun(
        args.denoiser_minutes,
        batch=args.batch,
        rate=args.rate,
        skim=args.skim,
        steps=args.denoiser_steps,
        seed=args.seed,
    )
    probe = None
    if (args.work / "judge/model.safetensors").exists():
        judge = load_judge(args.work / "judge", place.device)
        probe = open_probe(vae, judge, tokenizer, place.device, 1 if args.smoke else 32)
    if "denoiser" in stages:
        joint = train_denoiser(joint, stock, run, place, probe)
    else:
        load_joint(joint, args.work / "joint")
    if "distil" in stages:
        lesson = DistilRun(
            args.distil_minutes,
            guidance=args.guidance,
            batch=max(1, args.batch * 2 // 3),
            steps=args.distil_steps,
        )
        distil(joint, stock, lesson, place)


def _export(args: argparse.Namespace) -> None:
    device = torch.device("cpu")
    joint = Joint(SMOKE if args.smoke else FULL, load_tokenizer())
    load_joint(joint, args.work / args.joint)
    facts = json.loads((args.work / "judge/facts.json").read_text(encoding="utf-8"))
    vae, judge = (
        load_autoencoder(args.work / "vae", device),
        load_judge(args.work / "judge", device),
    )
    folder = export(joint, vae, judge, facts, args.folder)
    check_export(folder)
    fit.log("exported to", folder)


def _scenes(args: argparse.Namespace) -> None:
    generator = torch.Generator().manual_seed(args.seed)
    clips, factors = fill_clips(
        args.count, SHAPES[args.shape], generator, torch.device(args.device), held_out=None
    )
    write_sheet(clips, args.out, captions=[canonical(names(row)) for row in factors])


def _evaluate(args: argparse.Namespace) -> None:
    check_export(args.folder)
    device = torch.device(args.device)
    judge = load_judge(args.folder / "judge", device)
    runs = []
    for text in args.runs.split(","):
        shape, steps, guidance, prompts = text.split(":")
        runs.append((shape, int(steps), float(guidance), prompts == "natural"))
    report(args.folder, judge, device, count=args.count, runs=runs, target=args.out)


def _sheet(args: argparse.Namespace) -> None:
    pipe = load_pipeline(args.folder, torch.device(args.device))
    asked = ask(args.count, natural=True)
    clips = generate(
        pipe,
        asked.prompts,
        shape=args.shape,
        steps=args.steps,
        guidance=args.guidance,
        batch=1 if args.device == "cpu" else 8,
    )
    write_sheet(clips, args.out, captions=asked.prompts if args.captions else None)


def main() -> None:
    """Run one command."""
    args = _parser().parse_args()
    if args.command == "vocabulary":
        build_vocabulary(VOCABULARY)
    elif args.command == "train":
        world = args.gpus if args.device == "cuda" else 1
        if world > 1:
            torch.multiprocessing.spawn(_train, (args, world), nprocs=world)
        else:
            _train(0, args, 1)
    else:
        readers = {
            "export": _export,
            "scenes": _scenes,
            "evaluate": _evaluate,
            "sheet": _sheet,
        }
        readers[args.command](args)
