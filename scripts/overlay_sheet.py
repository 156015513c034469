"""Draw docs/images/overlays.png: what lies over a film, in four scripts, for a person to look at.

    .venv/bin/python scripts/overlay_sheet.py [TARGET]

Pillow's own text drawing is taken away first: what shows was drawn without the system's libraries.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from reelkiln.film.look import look
from reelkiln.film.overlay import Caption, Disclosure, EndCard, Overlay, draw
from reelkiln.film.platforms import find_platform
from reelkiln.film.stage import Stage, show_safe_zone
from reelkiln.reel import Size

SIZE = Size(540, 960)
WORDS = {  # caption, headline, call to action, disclosure
    "en": (
        "Vitamin C serum: brighter skin in 14 days — or your money back! ★★★★★",
        "Glow starts here",
        "Shop now at 20% off →",
        "Made with AI",
    ),
    "hi": (
        "विटामिन सी सीरम: 14 दिनों में निखरी त्वचा, सिर्फ़ ₹499 में। क्षमता और श्रद्धा!",
        "निखार की शुरुआत यहीं से",
        "अभी ख़रीदें",
        "एआई द्वारा निर्मित",
    ),
    "ta": (
        "வைட்டமின் சி சீரம்: 14 நாட்களில் பொலிவான சருமம், வெறும் ₹499 மட்டுமே!",
        "பொலிவு இங்கே தொடங்குகிறது",
        "இப்போதே வாங்குங்கள்",
        "செயற்கை நுண்ணறிவால் உருவாக்கப்பட்டது",
    ),
    "ar": (
        "سيروم فيتامين سي (SPF 50): بشرةٌ مشرقة خلال 14 يومًا بخصم 25% فقط!",
        "الإشراقة تبدأ من هنا",
        "تسوّق الآن",
        "صُنع بالذكاء الاصطناعي",
    ),
}


def film() -> Image.Image:
    """A plain frame, lit from the right and below."""
    down, across = np.mgrid[0.3 : 0.9 : SIZE.height * 1j, 0.5 : 1 : SIZE.width * 1j]
    pixels = (255 * down * across)[..., None] * [1, 0.9, 0.8]
    return Image.fromarray(pixels.astype(np.uint8)).convert("RGBA")


def main() -> None:
    """Draw the sheet."""
    sys.modules["PIL._imagingft"] = None  # type: ignore[assignment]
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/overlays.png")
    stage = Stage.of(SIZE, find_platform("instagram-reels").safe_zone)
    brand = look(["#b4235a", "#ffe8c7"])
    sheet = Image.new("RGB", (4 * SIZE.width, 2 * SIZE.height))
    for column, (language, (caption, headline, action, note)) in enumerate(WORDS.items()):
        frame = film()
        over: list[Overlay] = [
            Caption(text=caption, language=language),
            Disclosure(text=note, language=language),
        ]
        for one in over:
            frame.alpha_composite(draw(one, stage, brand).whole())
        preview = show_safe_zone(np.asarray(frame.convert("RGB")), stage)
        card = draw(EndCard(headline=headline, action=action, language=language), stage, brand)
        sheet.paste(preview, (column * SIZE.width, 0))
        sheet.paste(card.whole().convert("RGB"), (column * SIZE.width, SIZE.height))
    sheet.quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
