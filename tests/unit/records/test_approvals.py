"""Approvals: who must sign, for how long, and that nothing stored is believed unchecked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.core.terms import Terms
from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.approvals import Approvals, ApprovalState
from fedpacs.records.errors import (
    ApprovalRefusedError,
    ApprovalsTamperedError,
    BookUnreadableError,
    BookUnwritableError,
    TermsUnknownError,
)
from fedpacs.records.events import Event, EventKind
from fedpacs.records.standing import StandingFacts, judge
from fedpacs.records.statements import Act, Statement, microseconds

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TERMS = Terms(
    site="aurora",
    job_digest="1" * 64,
    cohort_digest="2" * 64,
    profile_digest="3" * 64,
    schema_digest="4" * 64,
    bundle_digest="5" * 64,
    rounds=16,
    software="1.0.0",
)


@pytest.fixture
def people(tmp_path):
    return {name: SigningKey.create(tmp_path / name) for name in ("dpo", "physicist", "stranger")}


@pytest.fixture
def approvers(people):
    return {name: people[name].public for name in ("dpo", "physicist")}


@pytest.fixture
def approvals(desk):
    with Approvals.open(desk.url) as opened:
        opened.request(TERMS)
        yield opened


def approve(approvals, people, name, *, at=NOW, days=90):
    return approvals.approve(TERMS.digest, name, people[name], at + days * DAY, at=at)


def test_terms_that_nobody_asked_for_are_a_draft(approvals, approvers):
    other = replace(TERMS, rounds=17)
    assert approvals.state(other.digest, approvers, 1, NOW) is ApprovalState.DRAFT


def test_the_road_from_request_to_approval(approvals, people, approvers):
    assert approvals.state(TERMS.digest, approvers, 1, NOW) is ApprovalState.PENDING
    approve(approvals, people, "dpo")
    assert approvals.state(TERMS.digest, approvers, 1, NOW) is ApprovalState.APPROVED
    assert approvals.state(TERMS.digest, approvers, 2, NOW) is ApprovalState.PENDING
    approve(approvals, people, "physicist")
    assert approvals.state(TERMS.digest, approvers, 2, NOW) is ApprovalState.APPROVED


@pytest.mark.parametrize(
    "change",
    [
        {"site": "birch"},
        {"job_digest": "9" * 64},
        {"cohort_digest": "9" * 64},
        {"profile_digest": "9" * 64},
        {"schema_digest": "9" * 64},
        {"bundle_digest": "9" * 64},
        {"rounds": 17},
    ],
)
def test_an_approval_holds_for_exactly_these_terms(approvals, people, approvers, change):
    approve(approvals, people, "dpo")
    other = replace(TERMS, **change)
    approvals.request(other)
    assert approvals.state(other.digest, approvers, 1, NOW) is ApprovalState.PENDING


def test_an_approval_ends_at_its_hour(approvals, people, approvers):
    approve(approvals, people, "dpo", days=30)
    just_before = NOW + 30 * DAY - timedelta(microseconds=1)
    assert approvals.state(TERMS.digest, approvers, 1, just_before) is ApprovalState.APPROVED
    assert approvals.state(TERMS.digest, approvers, 1, NOW + 30 * DAY) is ApprovalState.EXPIRED


def test_a_revocation_by_one_is_enough_and_takes_effect_at_once(approvals, people, approvers):
    approve(approvals, people, "dpo")
    approve(approvals, people, "physicist")
    approvals.revoke(TERMS.digest, "physicist", people["physicist"], at=NOW)
    assert approvals.state(TERMS.digest, approvers, 1, NOW) is ApprovalState.REVOKED


def test_after_a_revocation_everybody_must_sign_anew(approvals, people, approvers):
    approve(approvals, people, "dpo")
    approve(approvals, people, "physicist")
    approvals.revoke(TERMS.digest, "dpo", people["dpo"], at=NOW + DAY)
    approve(approvals, people, "dpo", at=NOW + 2 * DAY)
    later = NOW + 3 * DAY
    assert approvals.state(TERMS.digest, approvers, 2, later) is ApprovalState.REVOKED
    approve(approvals, people, "physicist", at=NOW + 2 * DAY)
    assert approvals.state(TERMS.digest, approvers, 2, later) is ApprovalState.APPROVED


def test_a_strangers_approval_does_not_count(approvals, people, approvers):
    approvals.approve(TERMS.digest, "dpo", people["stranger"], NOW + DAY, at=NOW)
    approvals.approve(TERMS.digest, "stranger", people["stranger"], NOW + DAY, at=NOW)
    assert approvals.state(TERMS.digest, approvers, 1, NOW) is ApprovalState.PENDING


def test_an_approver_who_left_site_toml_counts_no_more_but_a_revocation_stays(
    approvals, people, approvers
):
    approve(approvals, people, "dpo")
    approve(approvals, people, "physicist")
    remaining = {"dpo": approvers["dpo"]}
    assert approvals.state(TERMS.digest, remaining, 2, NOW) is ApprovalState.PENDING
    approvals.revoke(TERMS.digest, "physicist", people["physicist"], at=NOW)
    assert approvals.state(TERMS.digest, remaining, 1, NOW) is ApprovalState.REVOKED


def test_one_person_cannot_be_two(approvals, people):
    one = people["dpo"]
    both = {"dpo": one.public, "physicist": one.public}
    approvals.approve(TERMS.digest, "dpo", one, NOW + DAY, at=NOW)
    approvals.approve(TERMS.digest, "physicist", one, NOW + DAY, at=NOW)
    approvals.approve(TERMS.digest, "dpo", one, NOW + 2 * DAY, at=NOW)
    assert approvals.state(TERMS.digest, both, 1, NOW) is ApprovalState.APPROVED
    assert approvals.state(TERMS.digest, both, 2, NOW) is ApprovalState.PENDING


def test_an_approval_signed_in_the_future_does_not_count_yet(approvals, people, approvers):
    approve(approvals, people, "dpo", at=NOW + DAY)
    assert approvals.state(TERMS.digest, approvers, 1, NOW) is ApprovalState.PENDING
    assert approvals.state(TERMS.digest, approvers, 1, NOW + DAY) is ApprovalState.APPROVED


def test_an_approval_that_requires_nobody_is_an_error_not_a_yes(approvals, approvers):
    with pytest.raises(ValueError, match="requires nobody"):
        approvals.state(TERMS.digest, approvers, 0, NOW)


def test_a_moment_without_a_zone_is_an_error_not_a_guess(approvals, approvers):
    with pytest.raises(ValueError, match="time zone"):
        approvals.state(TERMS.digest, approvers, 1, NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    "expires_at",
    [NOW, NOW - DAY, NOW + 367 * DAY, NOW.replace(tzinfo=None) + DAY],
)
def test_an_approval_without_a_sensible_end_is_refused(approvals, people, expires_at):
    with pytest.raises(ApprovalRefusedError):
        approvals.approve(TERMS.digest, "dpo", people["dpo"], expires_at, at=NOW)


@pytest.mark.parametrize("name", ["Dr. Jane Doe", "", "DPO", "d", "jane doe", "x" * 40, "dpo\n"])
def test_an_approver_is_a_code_never_free_text(approvals, people, name):
    with pytest.raises(ApprovalRefusedError) as caught:
        approvals.approve(TERMS.digest, name, people["dpo"], NOW + DAY, at=NOW)
    assert "Jane" not in str(caught.value)
    with pytest.raises(ApprovalRefusedError):
        approvals.revoke(TERMS.digest, name, people["dpo"])


def test_what_nobody_asked_for_cannot_be_signed(approvals, people):
    for act in (
        lambda: approvals.approve("9" * 64, "dpo", people["dpo"], NOW + DAY, at=NOW),
        lambda: approvals.revoke("9" * 64, "dpo", people["dpo"]),
        lambda: approvals.terms("9" * 64),
    ):
        with pytest.raises(TermsUnknownError):
            act()


def test_terms_are_found_by_digest_and_the_latest_by_job(approvals):
    newer = replace(TERMS, cohort_digest="8" * 64)
    approvals.request(newer)
    approvals.request(TERMS)  # asking again changes nothing
    assert approvals.terms(TERMS.digest) == TERMS
    assert approvals.latest(TERMS.job_digest) == newer
    assert approvals.latest("9" * 64) is None
    assert approvals.all_terms() == (TERMS, newer)


def test_statements_are_kept_and_named_by_digest(approvals, people):
    granted = approve(approvals, people, "dpo")
    revoked = approvals.revoke(TERMS.digest, "dpo", people["dpo"], at=NOW)
    assert approvals.statements(TERMS.digest) == (granted, revoked)
    assert len({granted.digest, revoked.digest}) == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE approval_statements SET expires_at_us = expires_at_us + 1",
        "UPDATE approval_statements SET at_us = at_us - 1",
        "UPDATE approval_statements SET at_us = CAST(at_us AS TEXT) || 'x'",
        "UPDATE approval_statements SET act = 'approve' WHERE act = 'revoke'",
        "UPDATE approval_statements SET act = 'nothing' WHERE act = 'revoke'",
        "UPDATE approval_statements SET approver = 'physicist'",
        "UPDATE approval_statements SET signature = '' WHERE act = 'revoke'",
        "UPDATE approval_statements SET signature = 'x' WHERE act = 'revoke'",
        "UPDATE approval_statements SET public = 'ed25519:" + "0" * 64 + "'",
        "UPDATE approval_terms SET body = replace(body, '16', '99')",
        "UPDATE approval_terms SET body = 'x'",
        "UPDATE approval_terms SET body = '{}'",
        "UPDATE approval_terms SET body = '[]'",
    ],
)
def test_whatever_is_changed_in_the_database_is_noticed(desk, approvals, people, approvers, change):
    approve(approvals, people, "dpo")
    approvals.revoke(TERMS.digest, "dpo", people["dpo"], at=NOW)
    desk.tamper(change)
    with pytest.raises(ApprovalsTamperedError):
        approvals.state(TERMS.digest, approvers, 1, NOW)


def test_terms_that_cannot_be_read_can_still_be_revoked(desk, approvals, people, approvers):
    body = _body(desk)
    approve(approvals, people, "dpo")
    desk.tamper("UPDATE approval_terms SET body = 'x'")
    assert approvals.asked() == ((TERMS.digest, None),)
    with pytest.raises(ApprovalsTamperedError):
        approve(approvals, people, "dpo")
    approvals.revoke(TERMS.digest, "dpo", people["dpo"], at=NOW)
    desk.tamper(("UPDATE approval_terms SET body = ?", (body,)))
    assert approvals.asked() == ((TERMS.digest, TERMS),)
    assert approvals.state(TERMS.digest, approvers, 1, NOW) is ApprovalState.REVOKED


def test_an_approval_moved_to_other_terms_is_noticed(desk, approvals, people, approvers):
    approve(approvals, people, "dpo")
    other = replace(TERMS, rounds=9999)
    approvals.request(other)
    desk.tamper(("UPDATE approval_statements SET terms_digest = ?", (other.digest,)))
    with pytest.raises(ApprovalsTamperedError):
        approvals.state(other.digest, approvers, 1, NOW)


def test_terms_rewritten_with_their_digest_have_no_approval(desk, approvals, people, approvers):
    approve(approvals, people, "dpo")
    other = replace(TERMS, rounds=9999)
    body = json.dumps({**json.loads(_body(desk)), "rounds": 9999})
    desk.tamper(("UPDATE approval_terms SET body = ?, digest = ?", (body, other.digest)))
    assert approvals.state(other.digest, approvers, 1, NOW) is ApprovalState.PENDING
    assert approvals.state(TERMS.digest, approvers, 1, NOW) is ApprovalState.DRAFT


def _body(desk):
    with Approvals.open(desk.url) as opened:
        terms = opened.terms(TERMS.digest)
    return json.dumps({name: getattr(terms, name) for name in Terms.__dataclass_fields__})


def test_a_revocation_that_was_deleted_still_holds_through_the_book(
    desk, approvals, people, approvers
):
    now = datetime.now(UTC)
    approve(approvals, people, "dpo", at=now - DAY)
    approvals.revoke(TERMS.digest, "dpo", people["dpo"])
    with desk.book() as book:
        book.append(Event.of(EventKind.APPROVAL_REVOKED, terms=TERMS.digest, job=TERMS.job_digest))
        desk.tamper("DELETE FROM approval_statements WHERE act = 'revoke'")
        later = datetime.now(UTC) + timedelta(seconds=1)
        assert approvals.state(TERMS.digest, approvers, 1, later) is ApprovalState.REVOKED
        approve(approvals, people, "dpo", at=later)
        assert approvals.state(TERMS.digest, approvers, 1, later) is ApprovalState.APPROVED


def test_a_revocation_of_other_terms_in_the_book_changes_nothing(
    desk, approvals, people, approvers
):
    now = datetime.now(UTC)
    approve(approvals, people, "dpo", at=now)
    with desk.book() as book:
        book.append(Event.of(EventKind.APPROVAL_REVOKED, terms="9" * 64, job=TERMS.job_digest))
    assert approvals.state(TERMS.digest, approvers, 1, now) is ApprovalState.APPROVED


def test_a_placeholder_key_in_site_toml_approves_nothing(desk, approvals):
    """Anybody can make signatures that hold under a key of zeros."""
    placeholder = "ed25519:" + "0" * 64
    forged = ((1).to_bytes(32, "little") + bytes(32)).hex()
    until = microseconds(NOW + DAY)
    for number in range(1, 40):
        desk.tamper(
            (
                "INSERT INTO approval_statements VALUES (?, ?, 'approve', 'dpo', ?, ?, ?, ?)",
                (number, TERMS.digest, placeholder, number, until, forged),
            )
        )
        with pytest.raises(ApprovalsTamperedError):
            approvals.state(TERMS.digest, {"dpo": placeholder}, 1, NOW)
        desk.tamper("DELETE FROM approval_statements")


def test_a_signature_under_a_checkpoint_does_not_pass_for_an_approval(people):
    statement = Statement(Act.APPROVE, TERMS.digest, "dpo", people["dpo"].public, 0, 1)
    signed = statement.signed(people["dpo"])
    signed.check()
    with pytest.raises(ApprovalsTamperedError):
        replace(signed, act=Act.REVOKE).check()


def test_approvals_that_cannot_be_read_approve_nothing(desk, approvals, approvers):
    approvals.close()
    desk.path.unlink()
    desk.path.mkdir()
    with pytest.raises(BookUnreadableError):
        approvals.state(TERMS.digest, approvers, 1, NOW)
    with pytest.raises(BookUnwritableError):
        approvals.request(TERMS)


KEYS = {"dpo": "key-1", "physicist": "key-2", "head": "key-3"}
STATEMENTS = st.lists(
    st.builds(
        Statement,
        act=st.sampled_from(Act),
        terms_digest=st.just(TERMS.digest),
        approver=st.sampled_from([*KEYS, "stranger"]),
        public=st.sampled_from([*KEYS.values(), "key-4"]),
        at_us=st.integers(0, 20),
        expires_at_us=st.integers(0, 30),
    ),
    max_size=8,
)


@given(STATEMENTS, st.integers(1, 3), st.integers(0, 30), st.data())
def test_more_required_fewer_approvers_or_a_revocation_never_approve(
    statements, required, now_us, data
):
    facts = StandingFacts(statements, KEYS, required, now_us)
    if judge(facts) is ApprovalState.APPROVED:
        return
    fewer = {name: KEYS[name] for name in data.draw(st.sets(st.sampled_from(list(KEYS))))}
    revoked = Statement(Act.REVOKE, TERMS.digest, "head", "key-3", data.draw(st.integers(0, 30)), 0)
    for stricter in (
        replace(facts, required=required + 1),
        replace(facts, approvers=fewer),
        replace(facts, statements=[*statements, revoked]),
        replace(facts, revoked_in_book_us=data.draw(st.integers(0, 30))),
    ):
        assert judge(stricter) is not ApprovalState.APPROVED


@given(STATEMENTS, st.integers(1, 3), st.integers(0, 30))
def test_the_order_in_which_statements_are_stored_means_nothing(statements, required, now_us):
    facts = StandingFacts(statements, KEYS, required, now_us)
    assert judge(facts) is judge(replace(facts, statements=statements[::-1]))


@given(STATEMENTS, st.integers(0, 30))
def test_approved_means_that_someone_named_signed_and_it_has_not_ended(statements, now_us):
    if judge(StandingFacts(statements, KEYS, 1, now_us)) is ApprovalState.APPROVED:
        assert any(
            s.act is Act.APPROVE and KEYS.get(s.approver) == s.public and s.expires_at_us > now_us
            for s in statements
        )
