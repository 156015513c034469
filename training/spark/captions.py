"""Sentences about scenes, as people write them, and the words that name each label.

`PHRASES` is the one list of words: captions are made from it, the tokenizer is built from it, and
it is exported beside the judge, so that a prompt can be read back into labels
(`reelkiln.backends.score.read_words`). Longer phrases win over shorter ones that they contain.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

__all__ = ["NEGATIVES", "PHRASES", "canonical", "caption", "negative"]

_COLOUR_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet", "ruby", "burgundy"),
    "pink": ("pink", "rose", "blush pink", "hot pink", "magenta"),
    "orange": ("orange", "tangerine", "coral"),
    "yellow": ("yellow", "lemon yellow", "mustard"),
    "gold": ("gold", "golden", "metallic gold", "brass"),
    "green": ("green", "emerald", "forest green", "olive"),
    "teal": ("teal", "turquoise", "cyan"),
    "blue": ("blue", "cobalt blue", "royal blue", "sapphire"),
    "purple": ("purple", "violet", "plum"),
    "black": ("black", "matte black", "jet black"),
    "white": ("white", "pure white", "ivory"),
    "silver": ("silver", "chrome", "metallic silver", "steel"),
    "brown": ("brown", "amber", "bronze"),
}
_BACKDROP_WORDS: dict[str, tuple[str, ...]] = {
    "white": ("white", "clean white", "bright white", "plain white"),
    "beige": ("beige", "cream", "sand", "nude"),
    "pink": ("pink", "pastel pink", "rose", "blush"),
    "purple": ("purple", "lavender", "lilac", "violet"),
    "green": ("green", "mint green", "mint", "sage green"),
    "blue": ("blue", "sky blue", "light blue", "pastel blue"),
    "navy": ("navy", "navy blue", "dark blue", "midnight blue"),
    "black": ("black", "dark", "deep black"),
    "gray": ("gray", "grey", "neutral gray", "concrete"),
    "yellow": ("yellow", "sunny yellow", "lemon yellow"),
    "orange": ("orange", "peach", "apricot"),
    "red": ("red", "crimson", "deep red"),
    "teal": ("teal", "turquoise", "aqua"),
    "brown": ("brown", "chocolate", "terracotta"),
}
_BACKDROP_HEADS = ("background", "backdrop", "gradient background", "studio", "wall")
_PLACES: dict[str, tuple[str, ...]] = {
    "white": ("in the snow", "on white marble", "in a white bathroom"),
    "beige": ("on the beach", "in the desert"),
    "pink": ("among pink flowers", "with cherry blossoms"),
    "purple": ("in a lavender field",),
    "green": ("in a forest", "in nature", "in a garden", "in the jungle"),
    "blue": ("under a blue sky", "by the sea"),
    "navy": ("at night", "under the night sky", "in space"),
    "black": ("in the dark", "in darkness"),
    "gray": ("on concrete", "on stone"),
    "yellow": ("in the sunshine", "on a sunny day"),
    "orange": ("at sunset", "in autumn"),
    "red": ("for christmas", "with red curtains"),
    "teal": ("at the pool",),
    "brown": ("on a wooden table", "on wood", "in a coffee shop"),
}

PHRASES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "product": {
        "bottle": (
            *("bottle", "shampoo bottle", "lotion bottle", "water bottle", "plastic bottle"),
            *("shampoo", "lotion", "conditioner", "toner bottle", "skincare bottle"),
        ),
        "jar": (
            *("jar", "cream jar", "jar of cream", "face cream jar", "cosmetic jar"),
            *("moisturizer", "face cream", "body butter", "honey jar"),
        ),
        "tube": (
            *("tube", "cream tube", "hand cream tube", "toothpaste tube", "squeeze tube"),
            *("sunscreen", "hand cream", "toothpaste", "face wash"),
        ),
        "dropper": (
            *("serum bottle", "dropper bottle", "dropper", "serum", "serum dropper"),
            *("face oil", "essential oil", "glass dropper bottle", "bottle with a dropper"),
        ),
        "pump": (
            *("pump bottle", "soap dispenser", "bottle with a pump", "lotion pump bottle"),
            *("dispenser", "liquid soap", "hand wash", "body wash"),
        ),
        "soap": ("soap bar", "bar of soap", "soap", "handmade soap", "bar soap", "natural soap"),
        "lipstick": ("lipstick", "matte lipstick", "lipstick tube", "lip balm", "lip balm stick"),
        "mug": ("mug", "coffee mug", "cup", "coffee cup", "tea cup", "cup of coffee", "coffee"),
        "candle": ("candle", "scented candle", "burning candle", "soy candle", "aroma candle"),
        "ball": ("ball", "sphere", "orb", "glossy sphere", "bath bomb", "beach ball"),
        "perfume": (
            *("perfume bottle", "perfume", "fragrance bottle", "bottle of perfume", "fragrance"),
            *("cologne", "cologne bottle", "eau de parfum"),
        ),
        "can": ("can", "soda can", "drink can", "beverage can", "soda", "energy drink", "beer can"),
    },
    "colour": _COLOUR_WORDS,
    "background": {
        label: (
            *(f"{word} {head}" for head in _BACKDROP_HEADS for word in words),
            *_PLACES[label],
        )
        for label, words in _BACKDROP_WORDS.items()
    },
    "surface": {
        "floor": ("on the floor", "on a seamless floor", "on a table", "on the ground"),
        "pedestal": (
            *("on a pedestal", "on a podium", "on a stand", "on a plinth"),
            *("on a round platform", "on a display podium"),
        ),
        "water": (
            *("on water", "over rippling water", "with water ripples", "in shallow water"),
            *("reflected in the water", "with water reflections"),
        ),
    },
    "motion": {
        "rotate": (
            *("slowly rotating", "rotating", "spinning", "turning around", "rotates slowly"),
            *("spinning slowly", "revolving", "360 rotation", "rotates", "turning"),
        ),
        "slide_left": ("sliding left", "moving left", "sliding to the left", "gliding to the left"),
        "slide_right": (
            *("sliding right", "moving right", "sliding to the right", "gliding to the right"),
        ),
        "rise": (
            "rising",
            "rising up",
            "moving up",
            "floating upward",
            "lifting off",
            "levitating",
        ),
        "fall": ("falling", "falling down", "dropping", "descending", "moving down", "landing"),
        "zoom_in": (
            *("zoom in", "camera zooming in", "slow zoom in", "camera moves closer"),
            *("push in shot", "dolly in", "getting closer"),
        ),
        "zoom_out": (
            *("zoom out", "camera zooming out", "slow zoom out", "camera pulls back"),
            *("camera moves away", "dolly out"),
        ),
        "swing": (
            *("swinging", "swinging gently", "swaying", "rocking from side to side", "wobbling"),
            "tilting back and forth",
        ),
        "glow": (
            *("glowing", "pulsing glow", "with a pulsing glow", "softly glowing"),
            *("with a glowing halo", "radiating light"),
        ),
        "sweep": (
            *("with a light sweep", "light sweeping over it", "standing still", "static shot"),
            *("with light gliding over it", "shining", "motionless", "static camera"),
        ),
    },
    "light": {
        "soft": ("soft studio light", "soft light", "soft lighting", "studio lighting"),
        "dramatic": ("dramatic lighting", "dramatic light", "moody light", "cinematic lighting"),
        "warm": ("warm light", "golden hour light", "warm lighting", "sunlight", "candle light"),
        "sparkle": ("bokeh lights", "sparkles", "with floating bokeh", "shimmering lights"),
    },
}
"""Factor to label to the phrases that name it; the first is the plain one."""

_OPENINGS = (
    *("", "", "", "", "", "product video of ", "a product shot of ", "commercial of "),
    *("close up of ", "a video of ", "advertisement for ", "cinematic shot of ", "elegant "),
)
_ENDINGS = (
    *("", "", "", "", "", "", "high quality", "4k", "commercial", "luxury", "minimalist"),
    *("photorealistic, 8k", "social media ad", "slow motion", "sharp focus", "premium brand"),
    *("highly detailed", "clean aesthetic", "for our new collection", "smooth camera", "trending"),
)
_ADJECTIVES = (
    "",
    "",
    "",
    "",
    "",
    "",
    "luxury ",
    "elegant ",
    "small ",
    "shiny ",
    "premium ",
    "new ",
)
_BY = ("on a {b}", "against a {b}", "in front of a {b}", "with a {b}", "{b}")
_STRANGERS = (
    *("brandname", "nova", "lumiere", "velvet", "zenith", "spring", "summer", "sale", "offer"),
    *("today", "hydrating", "vitamin", "daily", "gift", "mother", "holiday", "edition", "limited"),
    *(
        "eco",
        "vegan",
        "fresh",
        "aloe",
        "vera",
        "birthday",
        "city",
        "paris",
        "tokyo",
        "logo",
        "text",
    ),
    *("scene", "lens", "film", "mood", "calm", "happy", "smooth", "texture", "skin", "hair"),
    *("model", "woman", "man", "kitchen", "smoke", "silk", "ribbon", "box", "open", "closed"),
    *("tall", "short", "wide", "square", "transparent", "matte", "glass"),
)
NEGATIVES = (
    *("low quality", "worst quality", "blurry", "bad quality", "distorted", "deformed", "ugly"),
    *("watermark", "text", "logo", "jpeg artifacts", "noise", "grainy", "flicker"),
    *("oversaturated", "cropped", "bad anatomy", "hands", "people", "nsfw", "lowres"),
    *("overexposed", "underexposed", "glitch", "out of frame", "cartoon", "painting"),
)
"""What people write into the field for unwanted things."""


def negative(chance: random.Random) -> str:
    """A usual negative prompt; trained as no condition, so that it does no harm with guidance."""
    return ", ".join(chance.sample(NEGATIVES, chance.randint(1, 8)))


def canonical(scene: Mapping[str, str]) -> str:
    """The plain prompt of a scene: the first phrase of every label, the floor left unsaid."""
    say = {factor: PHRASES[factor][label][0] for factor, label in scene.items()}
    surface = "" if scene["surface"] == "floor" else " " + say["surface"]
    noun = _article(f"{say['colour']} {say['product']}")
    return f"{noun} {say['motion']}{surface} on {_article(say['background'])}, {say['light']}"


def caption(scene: Mapping[str, str], chance: random.Random, *, whole: bool = False) -> str:
    """One natural sentence about a scene, given by its label names.

    Args:
        scene: factor to label.
        chance: the source of chance.
        whole: say every judged factor; otherwise some are left out now and then, so that the model
            learns what to draw when they are not asked for, and words that mean nothing are mixed
            in, so that it learns to pass over them.
    """
    words = _words(scene, chance, whole)
    noun = _noun(words, chance)
    backdrop = words["background"]
    if backdrop and backdrop.split()[-1] in ("background", "backdrop", "studio", "wall"):
        by = chance.choice(_BY)
        backdrop = by.format(b=backdrop).replace("a " + backdrop, _article(backdrop))
    parts = _arrange(noun, words, backdrop, chance)
    if not whole and chance.random() < 0.12:
        strangers = chance.sample(_STRANGERS, chance.randint(1, 4))
        parts.insert(chance.randint(1, len(parts)), " ".join(strangers))
    text = ", ".join(part for part in [*parts, chance.choice(_ENDINGS)] if part)
    return text[0].upper() + text[1:] + chance.choice((".", "")) if chance.random() < 0.2 else text


def _words(scene: Mapping[str, str], chance: random.Random, whole: bool) -> dict[str, str]:
    """The phrase chosen for every factor, empty where it is left unsaid."""
    leave = {"product": 0.02, "motion": 0.16 if scene["motion"] == "rotate" else 0.03}
    words = {}
    for factor, label in scene.items():
        plain = chance.random() < 0.45
        words[factor] = (
            PHRASES[factor][label][0] if plain else chance.choice(PHRASES[factor][label])
        )
        unsaid = leave.get(factor, 0.06)
        if not whole and chance.random() < unsaid:
            words[factor] = ""
    if chance.random() < 0.25:
        words["light"] = ""
    if scene["surface"] == "floor" and chance.random() < 0.65:
        words["surface"] = ""
    return words


def _noun(words: Mapping[str, str], chance: random.Random) -> str:
    product = words["product"] or chance.choice(("product", "item", "package"))
    noun = f"{words['colour']} {product}".strip()
    if words["colour"] and chance.random() < 0.1:
        noun = f"{product} in {words['colour']}"
    noun = chance.choice(_ADJECTIVES) + noun
    return chance.choice(_OPENINGS) + (_article(noun) if chance.random() < 0.75 else noun)


def _arrange(
    noun: str, words: Mapping[str, str], backdrop: str, chance: random.Random
) -> list[str]:
    """Sentence, list of tags, or the motion first."""
    style = chance.random()
    motion, surface, light = words["motion"], words["surface"], words["light"]
    if style < 0.55:
        return [" ".join(w for w in (noun, motion, surface, backdrop) if w), light]
    tags = [motion, surface, backdrop, light]
    chance.shuffle(tags)
    return [noun, *(tag for tag in tags if tag)]


def _article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" else "a ") + noun
