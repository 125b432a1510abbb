"""The generator of ``data/text_names.txt``, ``text_places.txt``, ``text_common.txt``,
``text_dicom.txt``, ``text_function.txt`` and ``text_diseases.txt``: word lists out of packages,
folded and sorted.

Run by a developer, never by the product; Faker, names, symspellpy and simple-icd-10-cm (all MIT)
must be importable::

    python -m fedpacs.deidentification.text.generate_lists OUT_FOLDER
"""  # noqa: D205 - six names do not fit one line

from __future__ import annotations

import importlib
import importlib.resources
import pkgutil
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from fedpacs.deidentification.text.folding import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LETTERS = re.compile(r"[^\W\d_]+")
_STOP_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ru")
_LOREM = ("de_DE", "fr_FR", "es_ES", "it_IT", "nl_NL", "ru_RU")
_PLACES = (
    "city_names", "cities", "states", "regions", "departments", "prefectures", "towns",
)  # fmt: skip
_SHORTEST_NAME = 3
_GIVEN, _SURNAMES = 4275, 88799
_OFTEN_GIVEN, _OFTEN_SURNAMES = 500, 4000
_ALWAYS_GIVEN, _ALWAYS_SURNAMES = 150, 250
_INFLECTIONS = (
    "s",
    "es",
    "ed",
    "d",
    "ing",
    "er",
    "r",
    "est",
    "ly",
    "ness",
    "ish",
    "y",
    "al",
    "ful",
    "ity",
    "ation",
)
_INFLECTED = 2
_IDEOGRAPH = re.compile(r"[぀-ヿ一-鿿가-힣]")
_SKIPPED_SCRIPTS = re.compile(r"[ऀ-෿଀-௿ঀ-৿]")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (tuple, list, set, dict)):
        for member in value:
            yield from _strings(member)


def person_names() -> set[str]:
    """Collect given and family names of every locale of Faker, folded."""
    package = importlib.import_module("faker.providers.person")
    found: set[str] = set()
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            if "name" in attribute and "format" not in attribute and attribute[0] != "_":
                found.update(_names_of(_strings(getattr(provider, attribute))))
    return found


def census_names(given: int, surnames: int) -> set[str]:
    """Read the most frequent names of the US Census of 1990 (package names)."""
    folder = importlib.resources.files("names")
    found: set[str] = set()
    for file, most in (("female.first", given), ("male.first", given), ("all.last", surnames)):
        lines = (folder / f"dist.{file}").read_text("ascii").splitlines()[:most]
        found.update(_names_of(line.split()[0] for line in lines))
    return found


def _names_of(values: Iterable[str]) -> Iterator[str]:
    for value in values:
        if "{" in value or _SKIPPED_SCRIPTS.search(value):
            continue
        for word in _LETTERS.findall(value):
            if len(word) >= _SHORTEST_NAME or (_IDEOGRAPH.search(word) and len(word) > 1):
                yield fold(word)


def places() -> set[str]:
    """Collect towns and regions of Faker, folded, one word each."""
    package = importlib.import_module("faker.providers.address")
    found: set[str] = set()
    for module in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"faker.providers.address.{module.name}").Provider
        for attribute in _PLACES:
            for value in _strings(getattr(provider, attribute, ())):
                found.update(
                    fold(word) for word in _LETTERS.findall(value) if len(word) > _SHORTEST_NAME
                )
    return {place for place in found if not _SKIPPED_SCRIPTS.search(place)}


def english_words() -> set[str]:
    """Read the 82,765 English words of symspellpy (Google Books n-grams and SCOWL)."""
    source = importlib.resources.files("symspellpy") / "frequency_dictionary_en_82_765.txt"
    return {fold(line.split()[0]) for line in source.read_text("utf-8-sig").splitlines() if line}


def stop_words() -> set[str]:
    """Collect the stop words that spaCy (MIT) ships."""
    found: set[str] = set()
    for language in _STOP_LANGUAGES:
        module = importlib.import_module(f"spacy.lang.{language}.stop_words")
        found.update(fold(word) for word in module.STOP_WORDS)
    return {word for word in found if _LETTERS.fullmatch(word)}


def function_words(names: set[str]) -> set[str]:
    """Collect stop words, and Faker's filler words that are no names."""
    found: set[str] = set()
    for locale in _LOREM:
        module = importlib.import_module(f"faker.providers.lorem.{locale}")
        found.update(fold(word) for word in module.Provider.word_list)
    found -= names
    return stop_words() | {word for word in found if _LETTERS.fullmatch(word)}


def dicom_words() -> set[str]:
    """Collect the words of pydicom's (MIT) data dictionary and coded concepts."""
    from pydicom._dicom_dict import DicomDictionary
    from pydicom.sr import _concepts_dict

    found: set[str] = set()
    for entry in DicomDictionary.values():
        found.update(_LETTERS.findall(entry[2]))
    schemes = cast("dict[str, dict[str, dict[str, tuple[str, object]]]]", _concepts_dict.concepts)
    for concepts in schemes.values():
        for codes in concepts.values():
            for meaning, _groups in codes.values():
                found.update(_LETTERS.findall(meaning))
    return {fold(word) for word in found}


def disease_words() -> set[str]:
    """Read the words of ICD-10-CM (public domain), as simple-icd-10-cm ships it."""
    folder = importlib.resources.files("simple_icd_10_cm") / "data"
    found: set[str] = set()
    for file in folder.iterdir():
        if file.name.endswith(".xml"):
            for text in re.findall(r"<(?:desc|note)>([^<]+)</", file.read_text("utf-8")):
                found.update(fold(word) for word in _LETTERS.findall(text))
    return {word for word in found if len(word) > _SHORTEST_NAME}


def common_words(english: set[str], names: set[str], other: set[str]) -> set[str]:
    """Keep of the English words those that are no names, or are inflected like a word.

    The most frequent names are never words here; the curated lists say which of them medicine uses.
    """
    often = census_names(_OFTEN_GIVEN, _OFTEN_SURNAMES)
    words = {
        word
        for word in english
        if word not in names
        or _inflections(word, english, names) >= (_INFLECTED if word in often else 1)
    }
    forms = {word for word in english if any(stem in words for stem in _stems(word))}
    return (other | words | forms) - census_names(_ALWAYS_GIVEN, _ALWAYS_SURNAMES)


def _stems(word: str) -> Iterator[str]:
    """Give what a word may be an inflected form of."""
    for ending in ("s", "es", "ed", "ing", "ly"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _SHORTEST_NAME:
            yield from (stem, stem + "e")


def _inflections(word: str, english: set[str], names: set[str]) -> int:
    stems = (word, word.removesuffix("e"), word[:-1] + "i" if word.endswith("y") else word)
    forms = {stem + ending for stem in stems for ending in _INFLECTIONS} - {word}
    return len((forms & english) - names)


def _write(path: Path, source: str, words: Iterable[str]) -> None:
    path.write_text(f"# {source}\n" + "\n".join(sorted(words)) + "\n", "utf-8")


def main(arguments: list[str]) -> int:
    """Write the six lists into the folder that is named."""
    if len(arguments) != 2:  # noqa: PLR2004 - the program and the folder
        sys.stderr.write(f"{__doc__}\n")
        return 2
    folder = Path(arguments[1])
    names, towns, english = (
        person_names() | census_names(_GIVEN, _SURNAMES),
        places(),
        english_words(),
    )
    common = common_words(english, names | towns, function_words(names))
    dicom, diseases = dicom_words(), disease_words()
    # a word of the tables that English knows, too, is a word, unless many people are called so
    often = census_names(_OFTEN_GIVEN, _OFTEN_SURNAMES)
    words = ((dicom | diseases) & english) - often
    dicom -= (names | towns) - common - words
    diseases -= ((names | towns) - words) | dicom
    _write(
        folder / "text_names.txt",
        "Names: Faker (MIT licence); names 0.3 (MIT licence; US Census of 1990, public domain)",
        names,
    )
    _write(folder / "text_places.txt", "Towns and regions: Faker, MIT licence", towns - names)
    _write(
        folder / "text_common.txt",
        "Common words: symspellpy (MIT; Google Books n-grams and SCOWL), spaCy and Faker (MIT)",
        common - dicom - diseases,
    )
    _write(folder / "text_function.txt", "Stop words of eight languages: spaCy, MIT", stop_words())
    _write(folder / "text_diseases.txt", "Words of ICD-10-CM, public domain", diseases)
    _write(folder / "text_dicom.txt", "Words of pydicom's DICOM and concept tables, MIT", dicom)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
