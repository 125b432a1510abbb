"""Approval: nothing starts without it, and a change of anything that matters voids it."""

import sqlite3

import pytest

from fedpacs.agent.consent import NotAnApproverError, NothingToRevokeError, TermsChangedError
from fedpacs.agent.gates import GateClosedError
from fedpacs.agent.service import NotApprovedError
from fedpacs.agent.snapshot import OtherProfileError


def approve(clinic):
    return clinic.site().approve(clinic.job, "dpo", clinic.place.dpo_key)


def states(clinic):
    return [approval.state for approval in clinic.site().status().approvals]


def test_an_unapproved_job_is_refused_before_anything_starts(ingested):
    with pytest.raises(NotApprovedError):
        ingested.site().train(ingested.job)


def test_an_approved_job_shows_as_approved(ingested):
    approve(ingested)
    assert states(ingested) == ["approved"]


def test_a_revoked_approval_approves_nothing(ingested):
    approve(ingested)
    ingested.site().revoke("dpo", ingested.place.dpo_key, job=ingested.job)
    assert states(ingested) == ["revoked"]
    with pytest.raises(NotApprovedError):
        ingested.site().train(ingested.job)


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"learning_rate": 0.01}},
        {"federation": {"rounds": 3}},
        {"egress": {"maximum_update_norm": 40.0}},
    ],
)
def test_a_changed_job_is_another_job(ingested, change):
    approve(ingested)
    ingested.edit_job(**change)
    with pytest.raises(NotApprovedError):
        ingested.site().train(ingested.job)


def test_another_profile_voids_the_approval(ingested):
    approve(ingested)
    ingested.edit_site(deidentification={"profile": "basic"})
    with pytest.raises(NotApprovedError):
        ingested.site().train(ingested.job)


def test_a_profile_that_the_data_have_not_seen_cannot_be_approved(ingested):
    ingested.edit_site(deidentification={"profile": "basic"})
    with pytest.raises(OtherProfileError):
        approve(ingested)
    ingested.site().ingest(ingested.job)
    approve(ingested)
    assert states(ingested) == ["approved"]


def test_a_stranger_cannot_approve(ingested):
    with pytest.raises(NotAnApproverError):
        ingested.site().approve(ingested.job, "mallory", ingested.place.dpo_key)


def test_the_name_of_an_approver_without_the_key_is_not_enough(ingested, tmp_path):
    from fedpacs.crypto.signatures import SigningKey

    SigningKey.create(tmp_path / "forged.pem")
    with pytest.raises(NotAnApproverError):
        ingested.site().approve(ingested.job, "dpo", f"file:{tmp_path / 'forged.pem'}")


def test_two_signatures_are_needed_where_the_site_says_so(ingested):
    from fedpacs.crypto.signatures import SigningKey

    second = ingested.place.folder / "people" / "pi.pem"
    SigningKey.create(second)
    keys = dict(ingested.place.config.approval.approvers)
    keys["pi"] = SigningKey.load(f"file:{second}").public
    ingested.edit_site(approval={"required": 2, "approvers": keys})
    approve(ingested)
    assert states(ingested) == ["pending"]
    ingested.site().approve(ingested.job, "pi", f"file:{second}")
    assert states(ingested) == ["approved"]


def test_more_rounds_than_the_site_allows_cannot_be_approved(ingested):
    ingested.edit_site(limits={"maximum_rounds": 1})
    with pytest.raises(GateClosedError) as caught:
        approve(ingested)
    assert caught.value.code == "job.too-many-rounds"


def test_everything_can_be_revoked_after_the_job_file_has_changed(ingested):
    approve(ingested)
    ingested.edit_job(training={"learning_rate": 0.01})
    with pytest.raises(NothingToRevokeError):
        ingested.site().revoke("dpo", ingested.place.dpo_key, job=ingested.job)
    ingested.site().revoke("dpo", ingested.place.dpo_key)
    assert states(ingested) == ["revoked"]


def test_a_damaged_approval_does_not_keep_the_others_from_being_revoked(ingested):
    approve(ingested)
    ingested.edit_job(training={"learning_rate": 0.01})
    approve(ingested)
    with sqlite3.connect(ingested.place.folder / "data" / "book.db") as database:
        database.execute("UPDATE approval_terms SET body = 'x' WHERE number = 1")
    database.close()
    assert states(ingested) == ["tampered", "approved"]
    ingested.site().revoke("dpo", ingested.place.dpo_key, job=ingested.job)
    assert states(ingested) == ["tampered", "revoked"]
    with pytest.raises(NotApprovedError):
        ingested.site().train(ingested.job)


def test_terms_that_changed_after_they_were_read_are_not_signed(ingested):
    read = ingested.site().terms(ingested.job)
    ingested.edit_site(deidentification={"profile": "basic"})
    with pytest.raises(TermsChangedError):
        ingested.site().approve(ingested.job, "dpo", ingested.place.dpo_key, read=read)
    assert states(ingested) == []
