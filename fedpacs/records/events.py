"""Events: what happened at a site, in the closed vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.records.errors import EventRefusedError
from fedpacs.records.vocabulary import FORMS, EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Event", "EventKind", "FieldValue"]

FieldValue = int | float | str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. It cannot be built with anything outside the vocabulary.

    Parameters
    ----------
    kind
        What happened.
    fields
        By name; see `fedpacs.records.vocabulary.FORMS`.

    Raises
    ------
    EventRefusedError
        If a field is missing, unknown, or has not the form that the kind asks for. The value is
        not repeated.
    """

    kind: EventKind
    fields: Mapping[str, FieldValue]

    def __post_init__(self) -> None:
        form = FORMS[EventKind(self.kind)]
        missing = sorted(form.required.keys() - self.fields.keys())
        if missing:
            raise EventRefusedError(f"An event {self.kind} lacks {', '.join(missing)}.")
        for name, value in self.fields.items():
            wanted = form.required.get(name) or form.optional.get(name)
            if wanted is None:
                # The name is not repeated: it may be anything.
                raise EventRefusedError(f"An event {self.kind} has a field it does not know.")
            if not wanted.fits(value):
                raise EventRefusedError(
                    f"The field {name} of an event {self.kind} is no {wanted.name}."
                )
        # A copy: what was checked is what is written.
        object.__setattr__(self, "kind", EventKind(self.kind))
        object.__setattr__(self, "fields", dict(sorted(self.fields.items())))

    @classmethod
    def of(cls, kind: EventKind, **fields: FieldValue) -> Event:
        """Build from keywords."""
        return cls(kind, fields)

    @classmethod
    def parse(cls, kind: str, fields: object) -> Event:
        """Build from what was read back.

        Raises
        ------
        EventRefusedError
            If it is not an event of the vocabulary.
        """
        if kind not in set(EventKind) or not isinstance(fields, dict):
            raise EventRefusedError("What was read is no event of the vocabulary.")
        return cls(EventKind(kind), fields)
