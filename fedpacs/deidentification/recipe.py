"""A hospital's recipe of pydicom's ``deid``, read as an overlay that only ever tightens.

Of the section ``%header``, ``REMOVE``, ``BLANK`` and ``REPLACE`` become the actions X, Z and D
(with a dummy of our own, never the recipe's value). ``KEEP``, ``ADD`` and ``JITTER`` would loosen
or are done anyway, so they are not taken and said so. Filters of pixels are not taken either.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.dictionary import DATA_ELEMENTS, tag_of
from fedpacs.core.ps315 import Action
from fedpacs.deidentification.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deid.config import DeidRecipe

_ACTIONS: Mapping[str, Action] = MappingProxyType(
    {"REMOVE": Action.REMOVE, "BLANK": Action.ZERO, "REPLACE": Action.DUMMY}
)
_NOT_TAKEN = frozenset({"KEEP", "ADD", "JITTER", "HASH", "UID"})
_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?\s?([0-9A-Fa-f]{4})\)?")
_PRIVATE = re.compile(r"\(?[0-9A-Fa-f]{3}[13579bdfBDF],.*")
_STRICTNESS = (Action.DUMMY, Action.ZERO, Action.REMOVE)
_MAXIMUM_DEPTH = 8


@dataclass(frozen=True, slots=True)
class RecipeReading:
    """What a recipe asks for.

    Attributes
    ----------
    actions
        Action by tag; of two lines for one tag the stricter.
    not_taken
        One sentence for each kind of line that was not taken.
    """

    actions: Mapping[int, Action]
    not_taken: tuple[str, ...]


def read_recipe(path: Path) -> RecipeReading:
    """Read a recipe with the ``deid`` package.

    Raises
    ------
    RecipeError
        If it cannot be read, or a line names attributes in a way that is not understood: a line
        that is skipped in silence would leave what the hospital wanted gone.
    """
    recipe = _load(path)
    actions: dict[int, Action] = {}
    left: dict[str, int] = {}
    for line in recipe.get_actions() or ():
        verb = str(line["action"]).upper()
        if verb in _NOT_TAKEN:
            left[verb] = left.get(verb, 0) + 1
            continue
        if verb not in _ACTIONS:
            raise RecipeError("The recipe has a verb that is not known.")
        for tag in _tags(str(line["field"]), recipe, depth=0):
            actions[tag] = max(
                _ACTIONS[verb], actions.get(tag, Action.DUMMY), key=_STRICTNESS.index
            )
    if recipe.get_filters():
        left["FILTER"] = len(recipe.get_filters())
    return RecipeReading(
        actions=MappingProxyType(actions),
        not_taken=tuple(
            f"The recipe's {count} {verb} line(s) were not taken: a recipe may only tighten."
            for verb, count in sorted(left.items())
        ),
    )


def _load(path: Path) -> DeidRecipe:
    if not path.is_file():
        raise RecipeError("The recipe is not there.")
    logging.getLogger("deid").setLevel(logging.ERROR)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            from deid.config import DeidRecipe

            # its `load` always raises, and its own base recipe is not what the hospital wrote
            recipe = DeidRecipe(deid=str(path), base=False)
            readable = bool(recipe.get_actions() or recipe.get_filters())
    except (Exception, SystemExit):  # noqa: BLE001 - deid raises whatever it meets, and exits the process on faults
        raise RecipeError("The recipe cannot be read.") from None
    if not readable:
        raise RecipeError("The recipe asks for nothing.")
    return recipe


def _tags(field: str, recipe: DeidRecipe, depth: int) -> set[int]:
    if depth > _MAXIMUM_DEPTH:
        raise RecipeError("The recipe's lists of fields name one another without end.")
    if (match := _TAG.fullmatch(field)) is not None:
        tag = int(match[1] + match[2], 16)
        return set() if tag >> 16 & 1 else {tag}
    if _PRIVATE.fullmatch(field):
        return set()  # private attributes are removed in any case
    kind, separator, wanted = field.partition(":")
    if separator:
        return _expanded(kind.lower(), wanted, recipe, depth)
    if field.upper() == "ALL":
        return _matching(".*")
    known = tag_of(field)
    if known is None:
        raise RecipeError(
            "The recipe names an attribute that the DICOM dictionary does not know.",
            hint="Write it as (GGGG,EEEE), or with its keyword.",
        )
    return {known}


def _expanded(kind: str, wanted: str, recipe: DeidRecipe, depth: int) -> set[int]:
    match kind:
        case "contains":
            return _matching(f".*(?:{wanted}).*")
        case "startswith":
            return _matching(f"{wanted}.*")
        case "endswith":
            return _matching(f".*{wanted}")
        case "allexcept" | "except":
            return _matching(".*") - _matching(f".*(?:{wanted}).*")
        case "fields":
            return _of_list(wanted, recipe, depth)
        case "select" if wanted.upper().startswith("VR:"):
            vr = wanted[3:].strip().upper()
            return {tag for tag, entry in DATA_ELEMENTS.items() if vr in entry[0].split(" or ")}
    raise RecipeError("The recipe selects attributes in a way that is not understood.")


def _of_list(name: str, recipe: DeidRecipe, depth: int) -> set[int]:
    lines = (recipe.get_fields_lists() or {}).get(name)
    if lines is None:
        raise RecipeError("The recipe names a list of fields that it does not have.")
    found: set[int] = set()
    for line in lines:
        if str(line["action"]).upper() != "FIELD":
            raise RecipeError("A list of fields takes its fields from values; that is not read.")
        found |= _tags(str(line["field"]), recipe, depth + 1)
    return found


def _matching(expression: str) -> set[int]:
    try:
        pattern = re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise RecipeError("The recipe has an expression that is not valid.") from error
    return {tag for tag, entry in DATA_ELEMENTS.items() if entry[4] and pattern.fullmatch(entry[4])}
