"""The privacy ledger of a site: what noisy releases have cost its patients, read from the book.

A charge is reserved before the noise is drawn and committed before anything leaves. There is no
table beside the book: its entries are the ledger, so a charge cannot be taken back without
breaking the book. Whoever reserves looks at the book *after* writing; of two that reserve at the
same time the later one sees the earlier, and the budget is never exceeded. A reservation that a
crash left open stays charged: nobody can tell whether its noise was seen.

References
----------
C. Canonne, G. Kamath, T. Steinke, The Discrete Gaussian for Differential Privacy, NeurIPS 2020:
its Renyi divergences are at most those of the Gaussian, with which the charges are composed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from fedpacs.records.errors import BudgetExhaustedError, ReservationError
from fedpacs.records.events import Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.records.book import Book
    from fedpacs.records.ledger import Entry

_KINDS = (EventKind.BUDGET_RESERVED, EventKind.BUDGET_COMMITTED, EventKind.BUDGET_CANCELLED)


@dataclass(frozen=True, slots=True)
class Spending:
    """How a site's privacy budget stands.

    Attributes
    ----------
    epsilon
        Cost of all charges together at `delta`, open reservations among them.
    delta, maximum_epsilon
        The site's.
    committed, open
        Number of charges that were spent, and of those that may have been.
    """

    epsilon: float
    delta: float
    maximum_epsilon: float
    committed: int
    open: int


class PrivacyLedger:
    """Reserves, commits and cancels charges.

    Parameters
    ----------
    book
        The site's.
    maximum_epsilon, delta
        The site's budget for each of its patients; 0 lets no noisy release out.
    """

    def __init__(self, book: Book, maximum_epsilon: float, delta: float) -> None:
        self._book = book
        self._maximum = maximum_epsilon
        self._delta = delta

    def spending(self) -> Spending:
        """Tell how the budget stands."""
        charges, settled = _replay(self._book.of_kinds(*_KINDS))
        return Spending(
            epsilon=composed_epsilon(charges.values(), self._delta),
            delta=self._delta,
            maximum_epsilon=self._maximum,
            committed=len(settled),
            open=len(charges) - len(settled),
        )

    def reserve(self, job_digest: str, noise_multiplier: float) -> int:
        """Reserve the cost of one release of Gaussian noise.

        Parameters
        ----------
        job_digest
            For which job.
        noise_multiplier
            Standard deviation of the noise in units of one patient's largest effect (L2).

        Returns
        -------
        int
            The reservation.

        Raises
        ------
        BudgetExhaustedError
            If it does not fit the site's budget; the reservation is cancelled then.
        BookUnwritableError
            If the book cannot be written.
        """
        if not 0 < noise_multiplier < float("inf"):
            raise ReservationError("A charge without noise cannot be reserved.")
        event = Event.of(
            EventKind.BUDGET_RESERVED, job=job_digest, noise_multiplier=noise_multiplier
        )
        number = self._book.append(event)
        charges, _ = _replay(self._book.of_kinds(*_KINDS))
        total = composed_epsilon(
            [charge for index, charge in charges.items() if index <= number], self._delta
        )
        if not total <= self._maximum:  # NaN is no room either
            self.cancel(number)
            raise BudgetExhaustedError(
                f"The release would bring the site to epsilon {total:.3g}; "
                f"{self._maximum:.3g} is the limit."
            )
        return number

    def commit(self, reservation: int) -> None:
        """Spend a reservation; after this it cannot be cancelled.

        Raises
        ------
        ReservationError
            If there is no such open reservation.
        """
        self._require_open(reservation)
        self._book.append(Event.of(EventKind.BUDGET_COMMITTED, reservation=reservation))

    def cancel(self, reservation: int) -> None:
        """Give a reservation back whose noise nobody has seen.

        Raises
        ------
        ReservationError
            If there is no such open reservation.
        """
        self._require_open(reservation)
        self._book.append(Event.of(EventKind.BUDGET_CANCELLED, reservation=reservation))

    def _require_open(self, reservation: int) -> None:
        charges, settled = _replay(self._book.of_kinds(*_KINDS))
        if reservation not in charges or reservation in settled:
            raise ReservationError("There is no such open reservation.")


def composed_epsilon(noise_multipliers: Iterable[float], delta: float) -> float:
    """Compose Gaussian releases about the same patients.

    Parameters
    ----------
    noise_multipliers
        One for each release.
    delta
        Probability that the bound does not hold.

    Returns
    -------
    float
        Epsilon, by Renyi differential privacy.
    """
    multipliers = tuple(noise_multipliers)
    if not multipliers:
        return 0.0
    import dp_accounting  # two seconds: only who charges waits for it
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant()
    for multiplier in multipliers:
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier))
    return float(accountant.get_epsilon(delta))


def _replay(entries: Iterable[Entry]) -> tuple[dict[int, float], set[int]]:
    """Give the noise of every charge that counts, by reservation, and which were committed."""
    charges: dict[int, float] = {}
    committed: set[int] = set()
    for entry in entries:
        fields = entry.event.fields
        if entry.event.kind is EventKind.BUDGET_RESERVED:
            charges[entry.index] = float(fields["noise_multiplier"])
        elif entry.event.kind is EventKind.BUDGET_COMMITTED:
            committed.add(int(fields["reservation"]))
        elif int(fields["reservation"]) not in committed:
            charges.pop(int(fields["reservation"]), None)
    return charges, committed & charges.keys()


def noise_multiplier_for(epsilon: float, delta: float) -> float:
    """Give the least noise whose cost is at most epsilon, rounded up to a thousandth.

    Parameters
    ----------
    epsilon, delta
        Cost of one release.
    """
    low, high = 0.0, 1.0
    while composed_epsilon((high,), delta) > epsilon:
        low, high = high, 2 * high
    while high - low > 1e-3:  # noqa: PLR2004 - as rounded
        middle = (low + high) / 2
        low, high = (
            (low, middle) if composed_epsilon((middle,), delta) <= epsilon else (middle, high)
        )
    return ceil(high * 1000) / 1000
