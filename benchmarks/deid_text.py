"""Measure the free-text cleaner: identifying spans removed, clinical words kept, time a string.

Reads a file of marked strings, one a line: ``identity|text``, where ``{...}`` must go, ``<...>``
may go or stay, and every other word should stay::

    python -m benchmarks.deid_text [FILE]
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.cleaning import IdentityTerms, clean_text, compile_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedpacs.deidentification.text.cleaning import Mode

STRINGS = (
    Path(__file__).parent.parent / "tests" / "unit" / "deidentification" / "text" / "strings.txt"
)
IDENTITIES = {
    "none": IdentityTerms(),
    "en": IdentityTerms(
        ("Smith^John^A", "Whitfield^Karen^^Dr", "O'Brien^Mary"),
        ("0048213", "ACC-2023-88123"),
        ("St. Mary Medical Center", "742 Evergreen Terrace, Springfield 62704"),
        ("19561201", "20230412"),
    ),
    "de": IdentityTerms(
        ("Müller^Jürgen", "Weiß^Anna-Lena^^Dr."),
        ("4711-0815",),
        ("Universitätsklinikum Neustadt", "Lindenstraße 12, 69120 Heidelberg"),
        ("19481103", "20230305"),
    ),
    "fr": IdentityTerms(
        ("Lefèvre^Hélène", "D'Aubigné^Jean-Paul"),
        ("F-20993",),
        ("CHU de Bellerive", "8 rue des Lilas, 69003 Lyon"),
        ("19620714",),
    ),
    "es": IdentityTerms(
        ("García López^María José", "Núñez^Íñigo"),
        ("7788991",),
        ("Hospital Clínico Santa Lucía", "Calle Mayor 14, 28013 Madrid"),
        ("19710909", "20220823"),
    ),
    "ja": IdentityTerms(
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "佐藤^花子"),
        ("JP-55012",),
        ("中央みなと病院",),
        ("20230508",),
    ),
    "ru": IdentityTerms(
        ("Иванов^Иван^Петрович", "Петрова^Анна^Сергеевна"),
        ("RU-77120",),
        ("Городская больница № 4",),
        ("20230214",),
    ),
    "short": IdentityTerms(("Ng^Li Wei", "Wu^An")),
    "particle": IdentityTerms(("van der Meer^Piet", "Vries^Jan^de")),
}
"""Who the objects of the marked strings belong to."""

_SPAN = re.compile(r"\{([^}]*)\}")
_OPTIONAL = re.compile(r"<[^>]*>")
_WORD = re.compile(r"\w+")
_EASTERN = re.compile(r"[぀-ヿ一-鿿]")


@dataclass(frozen=True, slots=True)
class MarkedText:
    """One string with what must go and what should stay.

    Parameters
    ----------
    identity
        A key of `IDENTITIES`.
    text
        The string without its marks.
    spans
        What identifies somebody.
    words
        Words that should stay.
    """

    identity: str
    text: str
    spans: tuple[str, ...]
    words: tuple[str, ...]

    @classmethod
    def of(cls, line: str) -> MarkedText:
        """Read one line of a file of marked strings."""
        identity, _, marked = line.partition("|")
        return cls(
            identity,
            re.sub(r"[{}<>]", "", marked),
            tuple(_SPAN.findall(marked)),
            tuple(_words(_OPTIONAL.sub(" ", _SPAN.sub(" ", marked)))),
        )

    def cleaned(self, mode: Mode) -> str:
        """Clean the string as a part of its identity's object."""
        return clean_text(self.text, compile_terms(IDENTITIES[self.identity]), mode)

    def left(self, cleaned: str) -> list[str]:
        """Give the spans of which more than a single letter is still there."""
        there = set(_words(cleaned)) - set(self.words)
        return [
            span
            for span in self.spans
            if any(
                word in cleaned if _EASTERN.search(word) else word in there and len(word) > 1
                for word in _words(span)
            )
        ]

    def lost(self, cleaned: str) -> list[str]:
        """Give the clinical words that are gone, each as often as it is."""
        there = Counter(_words(cleaned))
        western = Counter(word for word in self.words if not _EASTERN.search(word))
        eastern = [w for w in self.words if _EASTERN.search(w) and w not in cleaned]
        return [*(western - there).elements(), *eastern]


def read_marked(path: Path) -> list[MarkedText]:
    """Read a file of marked strings; lines that begin with # are comments."""
    lines = path.read_text("utf-8").splitlines()
    return [MarkedText.of(line) for line in lines if line and not line.startswith("#")]


def _words(text: str) -> list[str]:
    return _WORD.findall(re.sub(r"[_-]", " ", text))


def measure(texts: Sequence[MarkedText], mode: Mode) -> str:
    """Clean every string once and give a line of the result.

    Parameters
    ----------
    texts
        Marked strings.
    mode
        As for `clean_text`.
    """
    cleaned: list[str] = []
    times: list[float] = []
    for text in texts:
        start = time.perf_counter()
        cleaned.append(text.cleaned(mode))
        times.append(time.perf_counter() - start)
    spans = sum(len(text.spans) for text in texts)
    words = sum(len(text.words) for text in texts)
    left = sum(len(text.left(out)) for text, out in zip(texts, cleaned, strict=True))
    lost = sum(len(text.lost(out)) for text, out in zip(texts, cleaned, strict=True))
    median = sorted(times)[len(times) // 2]
    return (
        f"{mode:10}  spans removed {100 * (1 - left / spans):6.2f} % of {spans}   "
        f"words kept {100 * (1 - lost / words):6.2f} % of {words}   "
        f"ms a string: median {1e3 * median:.2f}, mean {1e3 * sum(times) / len(times):.2f}"
    )


def main(arguments: Sequence[str]) -> int:
    """Print the table for both modes."""
    path = Path(arguments[0]) if arguments else STRINGS
    texts = read_marked(path)
    modes: tuple[Mode, ...] = ("clean", "vocabulary")
    for mode in modes:  # once unmeasured: lists and recognizers are read on first use
        MarkedText.of("none|card {4111 1111 1111 1111} 12@x.y").cleaned(mode)
    sys.stdout.write(f"{len(texts)} strings\n")
    for mode in modes:
        sys.stdout.write(f"{measure(texts, mode)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
