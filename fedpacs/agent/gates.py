"""Ask a gate, write its answer into the book, and obey."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.errors import PolicyError
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from fedpacs.agent.premises import Premises
    from fedpacs.core.decision import Decision


class GateClosedError(PolicyError):
    """A gate stayed closed; `code` is the code of the first rule that was broken.

    Attributes
    ----------
    decision
        With every rule that was broken.
    """

    code = "policy.gate-closed"
    default_hint = "Read the rule in docs/explanation/gates.md; nothing passed and nothing is lost."

    def __init__(self, decision: Decision) -> None:
        sentences = " ".join(reason.sentence for reason in decision.reasons)
        super().__init__(f"The {decision.gate} gate stayed closed. {sentences}")
        self.decision = decision
        self.code = decision.codes[0]


def pass_gate(premises: Premises, decision: Decision, subject: str) -> None:
    """Write a gate's answer into the book, then let through or refuse.

    Parameters
    ----------
    premises
        The site.
    decision
        The gate's answer.
    subject
        Digest or pseudonym of what stands before the gate.

    Raises
    ------
    GateClosedError
        If the gate stays closed.
    RecordsError
        If the book cannot be written; the gate then stays closed, too.
    """
    if decision.allowed:
        premises.record(EventKind.GATE_OPENED, gate=decision.gate, subject=subject)
        return
    premises.record(
        EventKind.GATE_CLOSED, gate=decision.gate, subject=subject, code=decision.codes[0]
    )
    raise GateClosedError(decision)
