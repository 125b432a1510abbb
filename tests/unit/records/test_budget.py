"""The privacy ledger: reserved before, committed for good, never exceeded, read from the book."""

from __future__ import annotations

import math
from threading import Barrier, Thread

import dp_accounting
import pytest
from dp_accounting.pld import PLDAccountant
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.core.errors import RecordsError
from fedpacs.records.budget import PrivacyLedger, composed_epsilon, noise_multiplier_for
from fedpacs.records.errors import BudgetExhaustedError, ReservationError
from fedpacs.records.events import Event, EventKind

JOB = "a" * 64
DELTA = 1e-6


@pytest.fixture
def book(desk):
    with desk.book() as opened:
        yield opened


def ledger(book, maximum=3.0):
    return PrivacyLedger(book, maximum, DELTA)


def test_an_empty_ledger_has_spent_nothing(book):
    spending = ledger(book).spending()
    assert (spending.epsilon, spending.committed, spending.open) == (0.0, 0, 0)


def test_what_is_charged_is_what_the_accountant_says(book):
    accounts = ledger(book)
    accountant = dp_accounting.rdp.RdpAccountant()
    for multiplier in (6.0, 11.5, 9.25):
        accounts.commit(accounts.reserve(JOB, multiplier))
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier))
    spending = accounts.spending()
    assert spending.epsilon == accountant.get_epsilon(DELTA)
    assert (spending.committed, spending.open) == (3, 0)


@given(st.lists(st.floats(2.0, 50.0), min_size=1, max_size=6))
def test_the_charge_is_near_the_exact_cost_and_never_below_it(multipliers):
    # Gaussians compose into one Gaussian; its exact cost is known (Balle and Wang 2018).
    together = 1 / math.sqrt(sum(1 / m**2 for m in multipliers))
    exact = PLDAccountant()
    exact.compose(dp_accounting.GaussianDpEvent(together))
    charged = composed_epsilon(multipliers, DELTA)
    assert exact.get_epsilon(DELTA) - 1e-3 <= charged <= 1.3 * exact.get_epsilon(DELTA) + 0.05


@given(st.floats(0.05, 10.0))
def test_the_noise_for_an_epsilon_costs_no_more_and_hardly_less(epsilon):
    multiplier = noise_multiplier_for(epsilon, DELTA)
    assert composed_epsilon([multiplier], DELTA) <= epsilon
    assert composed_epsilon([multiplier - 0.003], DELTA) > epsilon * 0.98


def test_a_charge_beyond_the_budget_is_refused_and_given_back(book):
    accounts = ledger(book, maximum=1.2)
    accounts.commit(accounts.reserve(JOB, noise_multiplier_for(1.0, DELTA)))
    before = accounts.spending()
    with pytest.raises(BudgetExhaustedError) as caught:
        accounts.reserve(JOB, noise_multiplier_for(1.0, DELTA))
    assert caught.value.code == "records.budget-exhausted"
    assert accounts.spending() == before


def test_a_site_without_a_budget_lets_nothing_out(book):
    with pytest.raises(BudgetExhaustedError):
        ledger(book, maximum=0.0).reserve(JOB, 1000.0)


def test_an_open_reservation_counts_whoever_left_it_open(book):
    ledger(book).reserve(JOB, 5.0)
    spending = ledger(book).spending()
    assert spending.epsilon == composed_epsilon([5.0], DELTA)
    assert spending.open == 1


def test_a_cancelled_reservation_is_free_and_cannot_be_committed(book):
    accounts = ledger(book)
    reservation = accounts.reserve(JOB, 5.0)
    accounts.cancel(reservation)
    assert accounts.spending().epsilon == 0.0
    with pytest.raises(ReservationError):
        accounts.commit(reservation)


def test_a_committed_charge_cannot_be_taken_back(book):
    accounts = ledger(book)
    reservation = accounts.reserve(JOB, 5.0)
    accounts.commit(reservation)
    for settle in (accounts.cancel, accounts.commit):
        with pytest.raises(ReservationError):
            settle(reservation)
    # not even by an entry that somebody else's program writes
    book.append(Event.of(EventKind.BUDGET_CANCELLED, reservation=reservation))
    assert accounts.spending().epsilon == composed_epsilon([5.0], DELTA)


@pytest.mark.parametrize("multiplier", [0.0, -1.0, float("inf"), float("nan")])
def test_a_charge_without_noise_is_none(book, multiplier):
    with pytest.raises(ReservationError):
        ledger(book).reserve(JOB, multiplier)


def test_a_charge_costs_a_later_run_as_well(desk):
    with desk.book() as book:
        ledger(book).commit(ledger(book).reserve(JOB, 5.0))
    with desk.book() as book:
        assert ledger(book).spending().epsilon == composed_epsilon([5.0], DELTA)


def test_many_at_once_never_spend_more_than_there_is(desk):
    multiplier = noise_multiplier_for(1.0, DELTA)
    room = composed_epsilon([multiplier] * 3, DELTA) + 1e-9
    start, got = Barrier(6), []

    def release():
        with desk.book() as book:
            accounts = ledger(book, room)
            start.wait()
            try:
                accounts.commit(accounts.reserve(JOB, multiplier))
                got.append(True)
            except BudgetExhaustedError:
                got.append(False)

    with desk.book():
        threads = [Thread(target=release) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(got) == 6
    assert 1 <= sum(got) <= 3
    with desk.book() as book:
        assert ledger(book, room).spending().epsilon <= room
        assert book.verify(desk.key.public).ok


def test_without_a_book_nothing_is_reserved(desk):
    book = desk.book()
    book.close()
    desk.path.unlink()
    with pytest.raises(RecordsError):
        ledger(book).reserve(JOB, 5.0)
