"""What a gate answers: open or closed, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that did not hold.

    Attributes
    ----------
    code
        Stable identifier of the rule, for example ``egress.norm-bound``.
    sentence
        The rule and what broke it, readable by a data protection officer, without patient data.
    """

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Answer of a gate. It is open only if not one rule was broken.

    Attributes
    ----------
    gate
        ``disclosure``, ``cohort`` or ``egress``.
    reasons
        Every rule that was broken; empty when the gate opens.
    """

    gate: str
    reasons: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        """True when the gate opens."""
        return not self.reasons

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the broken rules, in the order they were found."""
        return tuple(reason.code for reason in self.reasons)

    @classmethod
    def of(cls, gate: str, reasons: Iterable[Reason]) -> Decision:
        """Build a decision from the rules that were broken."""
        return cls(gate, tuple(reasons))
