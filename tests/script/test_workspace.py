"""A workspace on disk: every mistake of every file at once, each with file, line and column."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelkiln.errors import ScriptError, UnknownName
from reelkiln.script.batch import read_batch, with_pictures
from reelkiln.script.claims import MEDICAL, banned_in
from reelkiln.script.document import parse
from reelkiln.script.draft import draft_template
from reelkiln.script.form import fill
from reelkiln.script.products import read_products
from reelkiln.script.sheet import decode
from reelkiln.script.storyboard import Storyboard
from reelkiln.script.template import Template
from reelkiln.script.workspace import pick, read_workspace

FUZZ = settings(max_examples=700, deadline=None, suppress_health_check=list(HealthCheck))


def mistakes(folder) -> list[str]:
    with pytest.raises(ScriptError) as caught:
        read_workspace(folder)
    assert caught.value.exit_code == 2
    return list(caught.value.details)


def change(path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_starter_is_free_of_mistakes(space):
    assert len(space.products) == 6
    assert len(space.templates) == 5
    assert all(len(template.variants) >= 8 for template in space.templates.values())
    assert set(space.storyboards) == {"launch", "week"}


def test_all_mistakes_of_all_files_at_once(folder):
    change(folder / "brand.yaml", '"#7d9a82"', "green")
    change(folder / "templates" / "hero-reveal.yaml", "{product.colour}", "{prodct.colour}")
    change(folder / "templates" / "texture-swirl.yaml", "title:", "titel:")
    change(folder / "storyboards" / "launch.yaml", "template: packshot-cta", "template: packshot")
    change(folder / "products.csv", "sea-body-lotion", "vitamin-c-serum")
    change(folder / "products.csv", "Soft skin from the first touch", "Cures acne")
    found = mistakes(folder)
    assert "brand.yaml:6:5: palette.2: must be a colour like #f4c2c2, in quotes" in found
    assert "products.csv:5:1: sku vitamin-c-serum stands here twice (first: line 2)" in found
    assert any(f.startswith("templates/hero-reveal.yaml:15:16: no slot is called prodct.colour "
                            "(did you mean product.colour?)") for f in found)  # fmt: skip
    assert (
        "templates/texture-swirl.yaml:2:8: titel is not a key here (did you mean title?)" in found
    )
    assert any(
        f.startswith("templates/texture-swirl.yaml") and "title is missing" in f for f in found
    )
    assert any(f.startswith("storyboards/launch.yaml:17:15: no template is called packshot "
                            "(did you mean packshot-cta?)") for f in found)  # fmt: skip


def test_claims_are_refused_in_the_words_that_are_shown(folder):
    change(folder / "products.csv", "Soft skin from the first touch", "It cures acne overnight")
    change(folder / "storyboards" / "launch.yaml", "Find it in our shop", "Erases wrinkles today")
    found = mistakes(folder)
    assert any(
        f.startswith("products.csv:3:6: benefit of rose-face-cream claims: cures") for f in found
    )
    assert any("storyboards/launch.yaml:24:" in f and "erases wrinkles" in f for f in found)


def test_a_product_that_lacks_a_value(folder):
    change(folder / "products.csv", '"bamboo charcoal, lavender sprigs"', "")
    said = "products.csv:7:5: charcoal-soap has no ingredients, which template "
    assert said + "droplet-ingredient shows" in mistakes(folder)


def test_before_and_after_is_refused(folder):
    change(
        folder / "templates" / "application-glow.yaml", "natural skin texture", "before/after split"
    )
    assert any("before-and-after pictures are refused" in f for f in mistakes(folder))


def test_slots_in_a_circle(folder):
    change(folder / "templates" / "hero-reveal.yaml", "slots:\n",
           "slots:\n  one: {choose: ['{two}']}\n  two: {choose: ['x', '{one}']}\n")  # fmt: skip
    assert any("slots need each other: one > two > one" in f for f in mistakes(folder))


def test_twin_variants(folder):
    path = folder / "templates" / "packshot-cta.yaml"
    text = path.read_text(encoding="utf-8")
    start = text.index("  - name: centre-stage")
    twin = text[start : text.index("  - name: floating-soft")]
    path.write_text(text + twin.replace("centre-stage", "another"), encoding="utf-8")
    assert any("tells the same as variant centre-stage" in f for f in mistakes(folder))


@pytest.mark.parametrize(
    "name", ["../up", "CON", "x" * 300, "Ümlaut", "a b", "nul", "com1", "-a", ""]
)
def test_hostile_skus(folder, name):
    change(folder / "products.csv", "charcoal-soap", name)
    assert any(f.startswith("products.csv:7:1: sku") for f in mistakes(folder))


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "C:/x.png", "a\\b.png", "aux.png"]
)
def test_hostile_paths(folder, path):
    change(folder / "brand.yaml", "logo: logo.png", f"logo: '{path}'")
    assert any(f.startswith("brand.yaml:8:7: logo: ") for f in mistakes(folder))


def test_missing_pictures_are_named(folder):
    change(folder / "brand.yaml", "logo: logo.png", "logo: art/none.png")
    assert "brand.yaml: logo: there is no file art/none.png" in mistakes(folder)


def test_missing_files_are_named(folder):
    (folder / "products.csv").unlink()
    assert any(f.startswith("products.csv: cannot be read") for f in mistakes(folder))


def test_the_nearest_name(folder):
    with pytest.raises(UnknownName) as caught:
        pick("template", "hero-reveel", read_workspace(folder).templates)
    assert caught.value.hint == "did you mean hero-reveal?"


HEADER = "sku,name,kind\n"


def test_a_spreadsheet_with_a_mark_and_semicolons_is_read():
    text, faults = decode('\ufeffsku;name;kind\nserum;Serum;"bottle; tall"\n'.encode(), "p.csv")
    products, more = read_products(text, "p.csv")
    assert (faults, more) == ((), ())
    assert products[0].kind == "bottle; tall"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("sku,name,kind\nx,Crème,jar\n".encode("latin-1"), "p.csv:2:5: byte 0xe8 is not UTF-8"),
        (b"sku,name,kind\nx,=1+1,jar\n", "p.csv:2:2: a formula stands in this cell"),
        (b"sku,name,kind\nx,@cmd,jar\n", "p.csv:2:2: a formula stands in this cell"),
        (b"sku,name,kind\nx,A,jar\nx,B,jar\n", "p.csv:3:1: sku x stands here twice"),
        (
            b"sku,name,kind,colour\nx,A,jar,red\n",
            "p.csv:1:4: column colour is not used (did you mean",
        ),
        (b"sku,name\nx,A\n", "p.csv:1:1: column kind is missing"),
        (b"sku,name,kind\nx,A,jar,more\n", "p.csv:2:4: 4 cells, but the header has 3"),
        (b'sku,name,kind\nx,"A,jar\n', "p.csv:2:1: not readable as CSV"),
        (b"", "p.csv:1:1: the file is empty"),
        (b"sku,name,kind\n", "p.csv:2:1: no products"),
        (b"sku,name,kind\nx,A,\x00jar\n", "p.csv:2:3: a character that cannot be shown"),
    ],
)
def test_bad_tables_are_named_with_their_place(data, said):
    text, faults = decode(data, "p.csv")
    if not faults:
        _, faults = read_products(text, "p.csv")
    assert any(str(fault).startswith(said) for fault in faults), [str(f) for f in faults]


def test_ten_thousand_rows_and_all_their_mistakes():
    rows = "".join(f"p-{n},Name,{'jar' if n % 2 else ''}\n" for n in range(10_000))
    products, faults = read_products(HEADER + rows, "p.csv")
    assert len(products) == 5_000
    assert len(faults) == 5_000
    assert str(faults[-1]) == "p.csv:10000:3: kind is empty"


MODELS = {"spark": ("draft", "standard"), "epicrealism": ("standard",)}


def test_a_batch_is_checked_whole():
    text = (
        "prompt,template,product,seconds,model,seed\n"
        "a red jar,,,4,spark,1\n"
        "a red jar,,,4,spark,1\n"
        ",hero-reveal,,4,spark,\n"
        "both,hero-reveal,all,4,spark,\n"
        "a jar,,,99,sparkk,-1\n"
        "a jar,,,nan,spark,1.5\n"
    )
    wishes, faults = read_batch(text, "b.csv", models=MODELS)
    assert [str(fault) for fault in sorted(faults)] == [
        "b.csv:3:1: the same shot as line 2 (change the seed or remove the line)",
        'b.csv:4:2: a template needs a product (write its sku, or "all")',
        "b.csv:5:1: needs either a prompt or a template",
        "b.csv:6:4: seconds 99 is outside 1 to 8",
        "b.csv:6:5: no model is called sparkk (did you mean spark?)",
        "b.csv:6:6: seed -1 is outside 0 to 4294967295",
        "b.csv:7:4: seconds 'nan' is not a number",
        "b.csv:7:6: seed 1.5 is not a whole number",
    ]
    assert [wish.row.line for wish in wishes] == [2, 3]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc/jar.png", "must be relative to the batch's folder"),
        ("C:/jar.png", "must be relative to the batch's folder"),
        ("../jar.png", "must stay inside the batch's folder"),
        ("photos/../jar.png", "must stay inside the batch's folder"),
        ("photos\\jar.png", "must use / between folders"),
        ("con.png", "con.png is a name that Windows keeps for itself"),
        ("a" * 201, "must have 1 to 200 characters"),
    ],
)
def test_a_start_picture_lies_beside_the_batch_on_every_desktop(path, said):
    wishes, faults = read_batch(f"prompt,image\na jar,{path}\n", "b.csv", models=MODELS)
    assert wishes == ()
    assert [str(fault) for fault in faults] == [f"b.csv:2:2: image {path[:60]!r} {said}"]


def test_start_pictures_are_found_beside_the_batch_or_named(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "jar.png").touch()
    lines = [{"prompt": "a jar", "image": f"photos/{name}.png"} for name in ("jar", "gone")]
    text = "\n".join(map(json.dumps, [*lines, {"prompt": "a can"}]))
    wishes, faults = read_batch(text, "b.jsonl", models=MODELS)
    assert faults == ()
    found, missing = with_pictures(wishes, tmp_path)
    assert found[0].image == str(tmp_path / "photos" / "jar.png")
    assert found[2].image is None
    assert [str(fault) for fault in missing] == [
        "b.jsonl:2:13: there is no picture photos/gone.png"
    ]


def test_json_lines():
    good = json.dumps({"prompt": "a jar", "seconds": 2.5, "seed": 7})
    wishes, faults = read_batch(f'{good}\n[1]\n{{\n{{"promt": "x"}}', "b.jsonl", models=MODELS)
    assert wishes[0].seconds == 5 / 2
    said = [str(fault) for fault in faults]
    assert said[0].startswith("b.jsonl:2:1: must be a JSON object")
    assert said[1].startswith("b.jsonl:3:2: not readable as JSON")
    assert said[2] == "b.jsonl:4:1: promt is not a key here (did you mean prompt?)"


def test_a_draft_passes_the_check():
    text = draft_template("my-shot", "a {odd} jar, soft light", seconds=3, aspect="9:16")
    template, faults = fill(Template, parse(text, "my-shot.yaml"))
    assert faults == ()
    assert template
    assert template.variants[0].paragraph == "a {{odd}} jar, soft light"


@pytest.mark.parametrize("claim", MEDICAL)
def test_every_medical_claim_is_caught_in_any_dress(claim):
    assert banned_in(f"It {claim.upper()}!", MEDICAL)
    assert banned_in("#" + claim.title().replace(" ", ""), MEDICAL)


words = st.text(alphabet="ab{}:,.-#&*![]'\"\n |>é", max_size=30)
keys = st.sampled_from(
    ["template", "title", "seconds", "slots", "variants", "name", "tags", "paragraph", "scene",
     "motion", "shots", "storyboard", "caption", "transition", "crossfade", "choose", "range", "x"]
)  # fmt: skip
trees = st.recursive(
    words | st.integers() | st.floats() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=25,
)


@FUZZ
@given(trees, st.sampled_from([Template, Storyboard]))
def test_fuzzed_templates_and_storyboards(tree, form):
    filled, faults = fill(form, parse(json.dumps(tree), "f.yaml"))
    assert (filled is None) == bool(faults)


@FUZZ
@given(
    st.binary(max_size=200)
    | st.text(alphabet='sku,name;kind\n"=x1 é\t', max_size=120).map(str.encode)
)
def test_fuzzed_tables(data):
    text, faults = decode(data, "f.csv")
    if not faults:
        read_products(text, "f.csv")
        read_batch(text, "f.csv", models=MODELS)
        read_batch(text, "f.jsonl", models=MODELS)
