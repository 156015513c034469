"""The world of spark: what is drawn, what is held out, and that pictures show their factors."""

import pytest
import torch

from training.spark.paint import render
from training.spark.pools import SHAPES
from training.spark.world import FACTORS, HELD_OUT, column, draw_factors, names

pytestmark = pytest.mark.torch


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(**labels):
    """One scene, soft light on a floor, unless said otherwise."""
    plain = {"product": "ball", "colour": "red", "background": "white", "surface": "floor"}
    plain |= {"motion": "sweep", "light": "soft"} | labels
    return torch.tensor([[FACTORS[f].index(plain[f]) for f in FACTORS]])


def test_what_is_held_out_is_never_trained_on_and_always_asked():
    for held_out in (False, True):
        rows = draw_factors(4000, generator(), held_out=held_out)
        found = HELD_OUT[column(rows, "product"), column(rows, "colour")]
        assert (found == held_out).all()


def test_every_product_and_colour_is_trained_on_all_the_same():
    assert (~HELD_OUT).sum(1).min() >= 10
    assert (~HELD_OUT).sum(0).min() >= 9
    assert HELD_OUT.sum() == 24


def test_equal_seeds_draw_equal_scenes_and_pictures():
    rows = draw_factors(3, generator(5))
    assert torch.equal(rows, draw_factors(3, generator(5)))
    times = torch.tensor([[0.0, 1.0]] * 3)
    clips = [render(rows, (32, 64), generator(seed), times=times) for seed in (1, 1, 2)]
    assert torch.equal(clips[0], clips[1])
    assert not torch.equal(clips[0], clips[2])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_picture_has_its_shape(shape):
    width, height = SHAPES[shape]
    clip = render(scene(), SHAPES[shape], generator(), times=torch.tensor([[0.5]]))
    assert (clip.shape, clip.dtype) == ((1, 1, 3, height, width), torch.uint8)


def middle(frame):
    """Where the red thing is: mean x and y of its pixels, and how many there are."""
    red = (frame[0].int() - frame[1].int()) > 90
    y, x = torch.nonzero(red, as_tuple=True)
    return x.float().mean().item(), y.float().mean().item(), len(x)


@pytest.mark.parametrize(
    ("motion", "across", "down", "larger"),
    [
        ("slide_left", -1, 0, 0),
        ("slide_right", 1, 0, 0),
        ("rise", 0, -1, 0),
        ("fall", 0, 1, 0),
        ("zoom_in", 0, None, 1),
        ("zoom_out", 0, None, -1),
    ],
)
def test_a_motion_goes_where_its_name_says(motion, across, down, larger):
    rows = scene(motion=motion)
    first, last = render(rows, (96, 96), generator(), times=torch.tensor([[0.0, 1.0]]))[0]
    (x0, y0, n0), (x1, y1, n1) = middle(first), middle(last)
    assert x1 - x0 == pytest.approx(0, abs=3) if across == 0 else (x1 - x0) * across > 15
    if down is not None:
        assert y1 - y0 == pytest.approx(0, abs=3) if down == 0 else (y1 - y0) * down > 15
    assert n1 / n0 == pytest.approx(1, abs=0.35) if larger == 0 else (n1 / n0 - 1) * larger > 0.4


def test_products_look_different():
    rows = torch.cat([scene(product=p) for p in FACTORS["product"]])
    frames = render(rows, (64, 64), generator(), times=torch.full((12, 1), 0.5))[:, 0].float()
    for i in range(12):
        for j in range(i):
            assert (frames[i] - frames[j]).abs().mean() > 2, (names(rows[i]), names(rows[j]))


def test_the_background_is_the_one_named():
    rows = torch.cat([scene(background=b) for b in ("red", "green", "blue")])
    frames = render(rows, (64, 64), generator(), times=torch.full((3, 1), 0.5))[:, 0].float()
    corner = frames[:, :, :8, :8].mean((2, 3))
    assert corner.argmax(1).tolist() == [0, 1, 2]
