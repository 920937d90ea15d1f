"""English is complete: each Vietnamese sentence of the product has its translation, with the same things filled in."""

from pathlib import Path

from meetings.errors import Invalid, text
from meetings.i18n import Translations, chosen_locale
from tests.unit.foundation import sentences


def test_every_sentence_has_an_english_translation() -> None:
    translated = sentences.catalogue()
    missing = [f"{place}: {words}" for words, place in sentences.all_sentences().items() if words not in translated]
    assert not missing, "\n".join(missing)


def test_every_translation_fills_in_what_the_sentence_does() -> None:
    wrong = [
        f"{words} -> {form}"
        for words, forms in sentences.catalogue().items()
        for form in forms
        if not form or not sentences.placeholders(form) <= sentences.placeholders(words)
    ]
    assert wrong == []


def test_the_search_finds_sentences_in_python_and_in_templates(tmp_path: Path) -> None:
    python, template = tmp_path / "a.py", tmp_path / "a.html"
    python.write_text(
        'raise Invalid("Một " "hai", field="x")\nN_("ba")\nf("bốn")\nclass Own(Conflict): ...\nOwn("năm")'
    )
    template.write_text('{{ _("sáu", n=1) }}{{ _n("{n} bảy", 3) }}{{ field("x", _("tám" if y else "chín")) }}')
    assert set(sentences.of_python(python)) == {"Một hai", "ba", "năm"}
    assert set(sentences.of_template(template)) == {"sáu", "{n} bảy", "tám", "chín"}


def test_a_refusal_of_the_relay_that_is_named_like_ours_is_no_sentence(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.py", tmp_path / "theirs.py"
    ours.write_text('from meetings.errors import TooLarge\nraise TooLarge("Tệp quá lớn.")')
    theirs.write_text('from meetings.signaling.publishing import TooLarge\nraise TooLarge("name too long")')
    assert list(sentences.of_python(ours)) == ["Tệp quá lớn."]
    assert list(sentences.of_python(theirs)) == []


def test_without_a_catalogue_the_source_is_shown(tmp_path: Path) -> None:
    words = Translations(tmp_path)
    assert words.gettext("en", "Phòng {venue}", venue="A {0}") == "Phòng A {0}"
    assert words.ngettext("en", "{n} phòng", 3) == "3 phòng"
    assert words.text("tlh", text("Một")) == "Một"


def test_a_sentence_inside_a_sentence_is_translated_too(tmp_path: Path) -> None:
    error = Invalid("Không thể: {why}", why=text("phòng {name} bận", name="1"))
    assert str(error) == "Không thể: phòng 1 bận"
    assert Translations(tmp_path).text("vi", error.text) == "Không thể: phòng 1 bận"


def test_the_first_known_wish_is_the_language() -> None:
    assert chosen_locale(None, "tlh", "en", "vi") == "en"
    assert chosen_locale(None, "../../etc", default="vi") == "vi"
