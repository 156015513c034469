from importlib.resources import files

import pytest

from reelkiln.errors import UsageError
from reelkiln.film.fonts import FAMILIES, SIGNS, bundled, open_font

FOLDER = files("reelkiln.film") / "fonts"


def test_four_families_come_along_regular_and_bold_with_their_licence():
    held = sorted(entry.name for entry in FOLDER.iterdir() if not entry.name.startswith("__"))
    faces = {f"{family}-{weight}.ttf" for family in FAMILIES for weight in ("Regular", "Bold")}
    faces |= {f"{family}-Regular.ttf" for family in SIGNS}
    assert set(held) == faces | {"OFL.txt"}
    licence = (FOLDER / "OFL.txt").read_text("utf-8")
    assert "SIL OPEN FONT LICENSE" in licence and "Copyright" in licence and "Noto" in licence
    assert sum(len((FOLDER / name).read_bytes()) for name in faces) < 2 * 2**20


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize(
    ("index", "letters"),
    [
        (0, "AZaz09éßøŁğşőñçÆœĐđẤỹ€₹£¥©®™–—‘’“”…•×½№Ωπжё"),
        (1, "अआइकखगघङक़ड़ढ़ऋऌऍऑ०१९।॥ॐंःँ़्ािीुूृेैोौ₹0"),
        (2, "அஆஇஈஉஊஎஏஐஒஓஔகஙசஜஞடணதநனபமயரறலளழவஶஷஸஹாிீுூெேைொோௌ்ஃ௹0"),
        (4, "←→↑↓"),
        (5, "★☆✓✔✗❤♥●■▶▲☀⚡❄☎✂"),
        (3, "ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءآأإؤئ،؛؟٠٩پچژگۀک0"),
    ],
)
def test_each_face_holds_the_letters_of_its_languages(bold, index, letters):
    face = bundled(bold)[index]
    assert [one for one in letters if ord(one) not in face.covers] == []


def test_a_font_of_the_brand_is_read(tmp_path):
    (tmp_path / "own.ttf").write_bytes((FOLDER / "NotoSans-Regular.ttf").read_bytes())
    face = open_font(tmp_path / "own.ttf")
    assert ord("A") in face.covers and face.upem == 1000


@pytest.mark.parametrize("content", [b"", b"wOF2", b"not a font at all" * 99, b"\0\1\0\0" * 40])
def test_a_file_that_is_no_font_is_named(tmp_path, content):
    (tmp_path / "own.ttf").write_bytes(content)
    with pytest.raises(UsageError, match=r"own\.ttf: no font that can be read"):
        open_font(tmp_path / "own.ttf")


@pytest.mark.parametrize("share", [0.01, 0.03, 0.5, 0.99])
def test_a_font_cut_short_is_no_font(tmp_path, share):
    whole = (FOLDER / "NotoSans-Regular.ttf").read_bytes()
    (tmp_path / "own.ttf").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(UsageError, match=r"own\.ttf"):
        open_font(tmp_path / "own.ttf")


def test_a_font_that_is_missing_a_folder_or_far_too_large_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"font .*none\.ttf: No such file"):
        open_font(tmp_path / "none.ttf")
    with pytest.raises(UsageError, match=str(tmp_path.name)):
        open_font(tmp_path)
    with (tmp_path / "big.ttf").open("wb") as big:
        big.truncate(33 * 2**20)
    with pytest.raises(UsageError, match="33 MiB"):
        open_font(tmp_path / "big.ttf")
