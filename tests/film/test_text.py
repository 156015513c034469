"""What a reader of the script would look for first, as facts about glyphs."""

from importlib.resources import files

import pytest
import uharfbuzz as hb

from reelkiln.errors import UsageError
from reelkiln.film.fonts import Typeface, bundled
from reelkiln.film.text import TEXT_MAX, Paragraph, clean

LATIN, HINDI, TAMIL, ARABIC, *_ = bundled()


def line(text, language=""):
    return Paragraph(text, bundled(), language).line(0, len(text))


def numbers(text, language=""):
    return [glyph.number for glyph in line(text, language).glyphs]


def alone(face, one):
    return face.font.get_nominal_glyph(ord(one))


def faces(text):
    return [glyph.face for glyph in line(text).glyphs]


# ── Devanagari ───────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("conjunct", ["क्ष", "ज्ञ", "त्र", "श्र", "द्ध", "द्व"])
def test_a_conjunct_of_hindi_is_one_glyph_of_its_own(conjunct):
    (glyph,) = numbers(conjunct)
    assert glyph not in {alone(HINDI, one) for one in conjunct}


def test_the_short_i_of_hindi_stands_before_the_letter_it_follows():
    sign, letter = numbers("कि")
    assert letter == alone(HINDI, "क") and sign != letter


def test_the_short_i_goes_before_a_whole_cluster():
    assert numbers("न्दि")[-1] == alone(HINDI, "द")
    assert len(numbers("न्दि")) == 3


def test_r_at_the_beginning_of_a_cluster_of_hindi_goes_above_its_end():
    letter, above = line("र्क").glyphs
    assert letter.number == alone(HINDI, "क")
    assert above.number not in {alone(HINDI, "र"), alone(HINDI, "्")}


def test_a_joiner_keeps_letters_of_hindi_apart_and_draws_nothing():
    assert numbers("क्\u200cष") != numbers("क्ष")
    assert numbers("क्\u200cष")[0] == alone(HINDI, "क")
    assert Paragraph("क्\u200cष", bundled()).missing() == ()


# ── Tamil ────────────────────────────────────────────────────────────────────────────────────────
def test_a_vowel_of_tamil_in_two_parts_stands_around_its_letter():
    assert numbers("கொ") == [alone(TAMIL, one) for one in "ெகா"]
    assert numbers("கெ") == [alone(TAMIL, one) for one in "ெக"]


@pytest.mark.parametrize("cluster", ["கு", "டு", "க்ஷ", "ஸ்ரீ"])
def test_what_tamil_writes_as_one_is_one_glyph(cluster):
    (glyph,) = numbers(cluster)
    assert glyph not in {alone(TAMIL, one) for one in cluster}


# ── Arabic ───────────────────────────────────────────────────────────────────────────────────────
def test_letters_of_arabic_join_and_change_with_their_place():
    last, middle, first = numbers("ببب")
    assert len({last, middle, first, *numbers("ب")}) == 4


def test_a_letter_joins_one_that_is_set_apart_from_it():
    """By another face, or on another line: its shape tells that the word goes on."""
    apart = Paragraph("بب", bundled()).line(0, 1)
    assert [glyph.number for glyph in apart.glyphs] == numbers("بب")[-1:]
    assert [glyph.number for glyph in apart.glyphs] != numbers("ب")


def test_letters_that_join_to_one_side_only_break_the_chain():
    assert numbers("ادا") == [alone(ARABIC, one) for one in "ادا"]


def test_arabic_runs_to_the_left_and_numbers_in_it_to_the_right():
    glyphs = line("سعر 120").glyphs
    assert [glyph.number for glyph in glyphs[:3]] == [alone(ARABIC, one) for one in "120"]
    assert [glyph.x for glyph in glyphs] == sorted(glyph.x for glyph in glyphs)
    assert glyphs[-1].number != glyphs[4].number


def test_latin_words_in_arabic_keep_their_order_and_brackets_are_mirrored():
    shown = line("ب (ab)").glyphs
    latin = [(at, glyph.number) for at, glyph in enumerate(shown) if glyph.face is LATIN]
    assert [number for _, number in latin if number in (alone(LATIN, "a"), alone(LATIN, "b"))] == [
        alone(LATIN, "a"),
        alone(LATIN, "b"),
    ]
    home = shown[0].face
    assert shown[0].number == alone(home, "(")  # typed ")", last of the line: leftmost, opening
    assert shown[-1].face is ARABIC


def test_marks_sit_on_their_letters_and_take_no_room():
    assert line("بَ").advance == line("ب").advance
    assert line("بَ").top > line("ب").top


# ── Latin and what all share ─────────────────────────────────────────────────────────────────────
MARKUP = r"""<b>&amp;</b> %{pts\:hms} [in]drawtext=text='x':x=0;rm -rf / $(HOME) {{slot}} \n %d"""


def test_what_looks_like_markup_or_a_filter_is_drawn_letter_by_letter():
    assert numbers(MARKUP) == [alone(LATIN, one) for one in MARKUP]


def test_letters_are_kerned():
    assert line("AV").advance < line("A").advance + line("V").advance


def test_accents_typed_apart_are_the_same_as_typed_together():
    assert numbers(clean("cafe\u0301", "x")) == numbers("café")


def test_each_script_gets_its_own_face_and_common_signs_stay_with_their_word():
    assert set(faces("abc, 12!")) == {LATIN}
    assert set(faces("क, 12!")) == {HINDI}
    mixed = faces("क a த ب")
    assert {LATIN, HINDI, TAMIL, ARABIC} == set(mixed)


def test_the_first_face_is_preferred_and_the_others_fill_its_gaps():
    own = bundled(bold=True)[0]
    glyphs = Paragraph("aक", (own, *bundled())).line(0, 2).glyphs
    assert [glyph.face for glyph in glyphs] == [own, HINDI]


def part(letters):
    """A face of Hindi that knows these letters only."""
    source = files("reelkiln.film") / "fonts" / "NotoSansDevanagari-Regular.ttf"
    wish = hb.SubsetInput()
    wish.unicode_set.update(ord(one) for one in letters)
    face = hb.subset(hb.Face(hb.Blob(source.read_bytes())), wish)
    return Typeface("part", hb.Font(face), face.upem, frozenset(face.unicodes))


def test_marks_and_joiners_are_drawn_by_the_face_of_their_letter():
    many, few = part("कखगि "), part("षि ")
    glyphs = Paragraph("कखगषि\u200cष\u200cष", (many, few)).line(0, 9).glyphs
    assert [glyph.face for glyph in glyphs[:3]] == [many] * 3
    assert {glyph.face for glyph in glyphs[3:]} == {few}


def test_characters_that_no_face_has_are_found_with_their_place():
    assert Paragraph("a🚀b漢", bundled()).missing() == (1, 3)
    assert Paragraph("a\u200db\ufe0f", bundled()).missing() == ()
    assert Paragraph("🚀\ufe0fb", bundled()).missing() == (0,)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [("  a   b ", "a b"), ("a\n\n b\r\nc", "a\nb\nc"), ("a\tb", "a b"), ("a\u00a0b", "a b")],
)
def test_spaces_are_tidied_and_line_ends_kept(typed, kept):
    assert clean(typed, "x") == kept


@pytest.mark.parametrize("empty", ["", "  ", "\n \n"])
def test_empty_text_is_refused(empty):
    with pytest.raises(UsageError, match="caption 2: there is no text"):
        clean(empty, "caption 2")


@pytest.mark.parametrize("sign", ["\u202e", "\u2067", "\x00", "\x1b", "\ud800"])
def test_signs_that_steer_unseen_are_named_with_their_place(sign):
    with pytest.raises(UsageError, match=rf"U\+{ord(sign):04X} at character 3"):
        clean(f"ab{sign}c", "x")


def test_far_too_long_a_text_is_refused_before_it_is_shaped():
    assert clean("a" * TEXT_MAX, "x")
    with pytest.raises(UsageError, match="501 characters"):
        clean("a" * (TEXT_MAX + 1), "x")
