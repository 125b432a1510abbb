"""Ages: the highest ones capped, and banded where a profile asks for it.

References
----------
45 CFR 164.514(b)(2)(i)(C): ages over 89 become one category; PS3.5 6.2 (AS).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_AGE = re.compile(r"(\d{1,3})([DWMY])")
_HIGHEST = 999


def age(values: Sequence[str], maximum_years: int, band_years: int = 0) -> str | None:
    """Give the age that may be told.

    Parameters
    ----------
    values
        One value such as ``034Y``.
    maximum_years
        Higher ages are written as one more than this.
    band_years
        Width of the bands that ages in years are rounded down to; 0 when they are not. Ages in
        months, weeks and days are then told in years.

    Returns
    -------
    str | None
        None when it is not an age.
    """
    match = _AGE.fullmatch(values[0].strip()) if len(values) == 1 else None
    if match is None:
        return None
    number, unit = int(match[1]), match[2]
    years = int(number * _YEARS_OF[unit])
    if years > maximum_years:
        return f"{min(maximum_years + 1, _HIGHEST):03d}Y"
    if band_years:
        return f"{years // band_years * band_years:03d}Y"
    return f"{number:03d}{unit}"


_YEARS_OF = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1}
