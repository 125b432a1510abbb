"""Numbers and addresses of machines: phones, mail, links, record and serial numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import evidence, phrases
from fedpacs.deidentification.text.tokens import NUMBER, Reading
from fedpacs.deidentification.text.vocabulary import is_known

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

_MAIL = re.compile(
    r"[\w.+'-]{1,64}\s?(?:@|\(at\)|\[at\])\s?[\w-]{1,63}(?:(?:\.|\s?[\[(](?:dot|punkt|point)[\])]\s?)[\w-]{1,63}){0,5}"
    r"|(?<![\w@.])@[a-z][\w.]{2,30}"
)
_LINK = re.compile(
    r"(?:https?|ftps?|sftp|file|smb|dicom|telnet|ssh)://[^\s\"<>]{1,2000}|\bwww\.[^\s\"<>]{1,2000}"
    r"|\\\\[\w.$-]{2,63}\\[^\s\"<>]{1,500}|\b[a-z]:\\[^\s\"<>|]{1,500}"
    r"|/(?:home|users|mnt|data|var|tmp|export|media|srv|opt|root|share|volumes)/[^\s\"<>]{1,500}"
)
_HOST = re.compile(
    r"(?<![\w.-])(?:[\w-]{1,63}\.){1,5}(?:com|org|net|edu|gov|local|lan|intern|internal|info|hospital|health|clinic|int|mil)(?![\w-])"
    r"|(?<![\w.-])[\w-]{1,63}\.[\w-]{2,63}\.(?:de|at|ch|fr|es|it|uk|jp|ru|nl|be|eu|us|ca|au|se|no|dk|fi|pl|br|mx)(?![\w-])"
    r"|(?<![\w.-])\w{2,40}(?:-\w{2,40}){1,4}\.(?:de|at|ch|fr|es|it|jp|ru|nl|be|eu)(?![\w-])"
)
_NETWORK = re.compile(
    r"(?<![\d.])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\d.])(?::\d{2,5})?"
    r"|(?<![\da-f:-])[\da-f]{2}(?:[:-][\da-f]{2}){5}(?![\da-f:-])"
    r"|(?<![\da-f:])(?:[\da-f]{1,4}:){3,7}:?[\da-f]{1,4}(?![\da-f:])"
    r"|(?<![\da-f-])[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}(?![\da-f-])"
    r"|(?<![\d.])\d{1,20}(?:\.\d{1,40}){4,30}(?![\d.]\d)"
)
_PHONE = re.compile(
    r"\+\s?\d{1,3}[\s.()/-]{0,3}\d(?:[\s.()/-]{0,2}\d){5,13}"
    r"|(?<![\d.])\(0?\d{2,5}\)[\s/.-]{0,2}\d{2,4}(?:[\s./-]?\d{2,4}){1,3}(?!\d)"
    r"|(?<![\d.,/-])\d{3}[-. /]\d{3}[-. ]\d{4}(?!\d)"
    r"|(?<![\d.,/-])0\d{1,4}[-/ .]\d{2,8}(?:[-/ .]\d{2,6}){0,4}(?![\d.,])"
    r"|(?<![\d.,/-])8[\s-]?\(?\d{3}\)?[\s-]?\d{3}[\s-]?\d\d[\s-]?\d\d(?!\d)"
    r"|(?<![\d.,/-])[6789]\d{2}[ .-]\d{3}[ .-]\d{3}(?!\d)|(?<![\d.,/-])[6789]\d{2}(?:[ .-]\d\d){3}(?!\d)"  # noqa: E501 - a pattern
    r"|(?<![\d.,/-])9\d \d{3} \d\d \d\d(?!\d)"
    r"|(?<![\d.,/-])\d{3}-\d{4}(?![\d-])"
    r"|(?<![\d.,/-])1[-. ]8(?:00|88|77|66)[-. ][\da-z]{3}[-. ]?[\da-z]{4}(?!\w)"
)
_SOCIAL = re.compile(
    r"(?<![\d-])\d{3}-\d\d-\d{4}(?![\d-])"
    r"|(?<!\d)\d{3}[ -]\d{3}[ -]\d{3}[ -]\d\d(?!\d)"
    r"|(?<!\d)[12]\s?\d\d\s?(?:0[1-9]|1[0-2])\s?(?:\d\d|2[ab])\s?\d{3}\s?\d{3}(?:\s?\d\d)?(?!\d)"
    r"|(?<!\w)\d\d\s?\d{6}\s?[a-z]\s?\d{3}(?!\w)|(?<!\w)[a-z]\d{9}(?!\w)"
    r"|(?<!\w)(?:\d{7,8}|[xyz]-?\d{7})-?[a-z](?!\w)|(?<![\d.])\d{2}\.\d{3}\.\d{3}-?[\da-z](?!\w)"
    r"|(?<!\d)\d{3}\.\d{3}\.\d{3}-\d\d(?!\d)"
    r"|(?<!\w)(?:plate|kennzeichen|matr[ií]cula|immatriculation|registration|reg)[\s:#.]{1,3}"
    r"(?:[a-zäöü]{1,3}[- ][a-z]{1,2} ?\d{1,4}|[a-z]{2}\d\d ?[a-z]{3})(?!\w)"
    r"|(?<!\w)[a-zäöü]{1,3}-[a-z]{1,2} \d{3,4}(?!\w|\.\d|\s?(?:mm|ms|kv|hu|x))"
    r"|(?<!\w)[a-z]{6}\d\d[a-z]\d\d[a-z]\d{3}[a-z](?!\w)"
    r"|(?<!\d)756\.\d{4}\.\d{4}\.\d\d(?!\d)"
    r"|(?<!\w)[a-z]{2}\s?\d\d\s?\d\d\s?\d\d\s?[a-d](?!\w)"
    r"|(?<!\d)(?:\d{4}[ -]){2,4}\d{1,4}(?!\d)"
    r"|(?<!\d)\d{6}[-+a]\d{3}[\da-z](?!\w)|(?<!\w)[a-z]{4} \d{4} \d{4}(?!\w| ?\d)"
    r"|(?<!\w)[a-z]{1,2}\d{6}\(?[\da]\)?(?!\w)|(?<!\w)[a-z]{3}[a-z]{2}\d{4}[a-z](?!\w)"
    r"|(?<!\w)(?:reg|plate|plaka|kennzeichen|matr[ií]cula|immat)[\w.]{0,12}[\s:#]{1,2}\d{2} ?[a-z]{1,3} ?\d{2,5}(?!\w)"  # noqa: E501 - a pattern
    r"|(?<!\w)[a-z]{4}\d{6}[hm][a-z]{5}[\da-z]\d(?!\w)"
)
_GROUPS = re.compile(r"(?<![^\W_])[a-z]{0,6}\d{0,12}(?:[-/]\d{2,12}){1,4}(?![^\W_]|\.\d)")
_RUN = re.compile(r"(?<![.,]\d)(?<!\d[.,])(?<![\d])\d{5,}(?!\d)")
_FULL_WIDTH = re.compile(r"[０-９]")
_VALUE = re.compile(
    r"[\s:#=.°º()\[\]_-]{0,6}((?:[^\W_]{1,40}[-/._ ]?){0,4}?\d(?:[-/._]?[^\W_]){0,40})"
)
_PHONE_VALUE = re.compile(r"[\s:#=.()№-]{0,5}(\+?[\d(][\d\s()./-]{1,24}\d)")
UNIT = re.compile(
    r"\s?(?:mm|cm|ml|cc|ms|msec|us|hz|khz|mhz|kv|kvp|ma|mas|hu|gy|cgy|mgy|mbq|kbq|bq|mci|mg|kg|g|s|sec|px|pixels?|frames?|images?|slices?|counts?|cts|kcounts|kcts|%|x\s?\d)(?![^\W_])"
)
_MARKED = re.compile(r"^\s?(?:#|№|nr|no|n[°º]|:|=)")
_SHORTEST_CODE = 6
_SHORTEST_WEAK = 4
_SHORTEST_PHONE = 3
_LONG_RUN = 6
_JOINS = re.compile(r"^[\s._/-]{0,2}$")
PARAMETERS = frozenset({"b", "tr", "te", "ti", "td", "fov", "hu", "wl", "ww", "x"})


def number_spans(reading: Reading) -> list[Span]:
    """Find numbers that lead to a person or a machine.

    Parameters
    ----------
    reading
        The text, split.

    Returns
    -------
    list of (int, int)
        Half-open ranges of characters.
    """
    flat = reading.flat
    spans: list[Span] = []
    if "@" in flat or "at)" in flat or "at]" in flat:
        spans += _found(_MAIL, flat)
    if "." in flat or "/" in flat or "\\" in flat or ":" in flat or "-" in flat:
        for pattern in (_LINK, _HOST, _NETWORK):
            spans += _found(pattern, flat)
    if not any(char.isdigit() for char in flat):
        return spans
    spans += _labelled(reading)
    spans += [match.span() for match in _PHONE.finditer(flat) if _is_phone(match, flat)]
    spans += _found(_SOCIAL, flat)
    spans += [match.span() for match in _GROUPS.finditer(flat) if _is_code(match, flat)]
    spans += _runs(reading)
    return spans


def mail_spans(reading: Reading) -> list[Span]:
    """Find addresses of mail and telephone numbers alone; as for `number_spans`."""
    flat = reading.flat
    phones = [match.span() for match in _PHONE.finditer(flat) if _is_phone(match, flat)]
    return _found(_MAIL, flat) + phones


def _found(pattern: re.Pattern[str], text: str) -> list[Span]:
    return [match.span() for match in pattern.finditer(text)]


def _count_digits(text: str) -> int:
    return sum(char.isdigit() for char in text)


def _is_phone(match: re.Match[str], flat: str) -> bool:
    return _count_digits(match[0]) >= 7 and not UNIT.match(flat, match.end())  # noqa: PLR2004


def _is_code(match: re.Match[str], flat: str) -> bool:
    return _count_digits(match[0]) >= _SHORTEST_CODE and not UNIT.match(flat, match.end())


def _runs(reading: Reading) -> Iterator[Span]:
    """Find long runs of digits, with the letters glued to them that are no words."""
    for match in _RUN.finditer(reading.flat):
        start, end = match.span()
        if end - start < _LONG_RUN and _is_parameter(reading, start, end):
            continue
        before = re.search(r"[^\W\d_]{1,12}[-]?$", reading.flat[max(0, start - 13) : start])
        if before and not is_known(before[0].rstrip("-")):
            start -= len(before[0])
        after = re.match(r"[^\W_]{1,12}", reading.flat[end : end + 13])
        yield start, end + (after.end() if after and not is_known(after[0]) else 0)


def _is_parameter(reading: Reading, start: int, end: int) -> bool:
    if UNIT.match(reading.flat, end):
        return True
    indices = reading.at(start, end)
    before = reading.tokens[indices[0] - 1] if indices and indices[0] else None
    return before is not None and before.folded in PARAMETERS


def _labelled(reading: Reading) -> Iterator[Span]:
    """Find the value behind a label: MRN 12 34, Fax: 555, Seriennummer AB-7."""
    for index, token in enumerate(reading.tokens):
        for kind in ("id", "weak-id", "phone"):
            words = _phrase_at(reading, index, kind)
            if words:
                value = _value(reading, index, words, kind)
                if value:
                    yield value
                break
        else:
            if token.kind == NUMBER:
                continue
    return


def _phrase_at(reading: Reading, index: int, kind: str) -> int:
    """Give how many tokens a label takes that begins here, 0 if none does."""
    tokens = reading.tokens
    for words in phrases(kind).get(tokens[index].folded, ()):
        last = index + len(words) - 1
        if last < len(tokens) and all(
            tokens[index + k].folded == word
            and (k == 0 or _JOINS.match(reading.gap(index + k - 1)))
            for k, word in enumerate(words)
        ):
            return len(words)
    return 0


def _value(reading: Reading, index: int, words: int, kind: str) -> Span | None:
    last = index + words - 1
    end = reading.tokens[last].end
    pattern = _PHONE_VALUE if kind == "phone" else _VALUE
    match = pattern.match(reading.flat, end)
    if match is None:
        return None
    value = match[1]
    if kind == "phone":
        return match.span(1) if _count_digits(value) >= _SHORTEST_PHONE else None
    label = " ".join(token.folded for token in reading.tokens[index : last + 1])
    weak = label in evidence("weak-id") and kind == "weak-id"
    start = match.start(1)
    first = re.match(r"[^\W\d_]+[ ]", value)
    if first and is_known(first[0].strip()):
        return None
    if weak and (_count_digits(value) < _SHORTEST_WEAK or UNIT.match(reading.flat, match.end())):
        return None
    return start, match.end(1)
