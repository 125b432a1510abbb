"""A de-identification profile by name or file: loaded, flattened, explained, compared."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from fedpacs.deidentification.differences import diff
from fedpacs.deidentification.explanation import explain_attribute, explain_profile
from fedpacs.deidentification.flatten import flatten

if TYPE_CHECKING:
    from fedpacs.deidentification.rules import Profile

_SHIPPED = 16

__all__ = ["diff", "explain", "load_profile"]


def load_profile(name_or_path: str) -> Profile:
    """Load a profile and flatten it.

    Parameters
    ----------
    name_or_path
        Name of a shipped profile, or path of a TOML file (ending in ``.toml``).

    Raises
    ------
    ConfigError
        If the file is missing or faulty.
    ProfileError
        If it loosens what it starts from, or names an attribute or recipe that is not known.
    """
    return flatten(name_or_path) if name_or_path.endswith(".toml") else _shipped(name_or_path)


@lru_cache(maxsize=_SHIPPED)
def _shipped(name: str) -> Profile:
    return flatten(name)


def explain(profile: Profile, attribute: str | None = None) -> list[str]:
    """Say in sentences, for a data protection officer, what is done.

    Parameters
    ----------
    profile
        A loaded profile.
    attribute
        DICOM keyword or ``GGGG,EEEE``; None for the whole profile.

    Raises
    ------
    ProfileError
        If the attribute is not known.
    """
    return explain_profile(profile) if attribute is None else explain_attribute(profile, attribute)
