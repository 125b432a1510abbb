from __future__ import annotations

import time

import numpy as np
import pytest
from flwr.app import Message, MetricRecord, RecordDict

from fedpacs.core.update import GlobalModel
from fedpacs.server.errors import QuorumError, TooFewSitesError
from fedpacs.server.exchange import NO_REPLY, NODE_GONE, SITE_ERROR, Sites
from fedpacs.server.registry import RunFolder, RunRecord
from fedpacs.server.rounds import Run, run_rounds


@pytest.fixture
def run(grid, keys, schema, job, tmp_path):
    folder = RunFolder(tmp_path / "runs" / "1", tmp_path / "models")
    return Run(job, schema, Sites(grid, keys, schema), folder)


@pytest.fixture
def go(run, job, schema):
    record = RunRecord("1", job.job.name, job.digest, job.federation.rounds)
    initial = GlobalModel(job.digest, 0, np.zeros(schema.size, np.float32))
    return lambda: run_rounds(run, initial, record)


def test_the_average_is_weighted_by_examples(grid, adds, go, run, schema):
    grid.hospitals = {"aurora": adds(1, 10), "birch": adds(2, 20), "cedar": adds(4, 10)}
    record = go()
    model = run.folder.last_checkpoint(schema, record)
    assert record.phase == "completed"
    # (10 * 1 + 20 * 2 + 10 * 4) / 40, three times
    assert np.allclose(model.weights, 3 * 2.25)
    assert [entry.server_round for entry in record.rounds] == [1, 2, 3]
    assert record.model_digest == record.rounds[-1].model_digest
    assert (run.folder.models / f"{record.model_digest}.safetensors").exists()


def test_every_round_asks_every_site_and_the_end_asks_for_an_evaluation(grid, adds, go):
    grid.hospitals = {name: adds(1) for name in ("aurora", "birch", "cedar")}
    record = go()
    assert [kind for _, kind, _ in grid.asked] == ["train"] * 9 + ["evaluate"] * 3
    assert [number for _, _, number in grid.asked[::3]] == ["0", "1", "2", "3"]
    assert set(record.evaluation) == {"aurora", "birch", "cedar"}


def test_sites_may_leave_out_different_numbers(grid, adds, go):
    loss = {"train-loss": 0.5}
    grid.hospitals = {"aurora": adds(1, 1, **loss), "birch": adds(1), "cedar": adds(1, 1, **loss)}
    record = go()
    assert record.rounds[0].sites["aurora"] == {"num-examples": 1.0, "train-loss": 0.5}
    assert record.rounds[0].sites["birch"] == {"num-examples": 1.0}


def test_the_same_answers_give_the_same_bits_in_whatever_order_they_come(
    grid, adds, go, run, schema
):
    members = {"aurora": adds(0.1, 3), "birch": adds(0.7, 5), "cedar": adds(0.3, 7)}
    grid.hospitals = members
    first = run.folder.last_checkpoint(schema, go()).weights
    grid.hospitals = dict(reversed(members.items()))
    assert run.folder.last_checkpoint(schema, go()).weights.tobytes() == first.tobytes()


def test_a_site_that_is_missing_is_named_and_the_run_goes_on(grid, adds, fails, go):
    grid.hospitals = {"aurora": adds(1), "birch": adds(1), "cedar": fails("egress.norm-bound")}
    record = go()
    assert record.phase == "completed"
    assert [dict(entry.absent) for entry in record.rounds] == [{"cedar": "egress.norm-bound"}] * 3
    assert "cedar" not in record.rounds[0].sites


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (("agent.approval-revoked", 7), "agent.approval-revoked"),
        (("<class 'KeyError'>:<'Mustermann^Erika'>", 2), SITE_ERROR),
        (("agent.Two words", 2), SITE_ERROR),
        (("", 2), SITE_ERROR),
        (("Node unavailable.", 5), NODE_GONE),
    ],
)
def test_a_site_s_reason_counts_only_if_it_is_a_code(grid, hospitals, go, error, code):
    grid.hospitals = {
        "aurora": hospitals[0](1),
        "birch": hospitals[0](1),
        "cedar": hospitals[1](*error),
    }
    assert go().rounds[0].absent == {"cedar": code}


def test_an_answer_that_is_not_by_the_schema_is_no_answer(grid, adds, go):
    def talks(message):
        content = RecordDict({"metrics": MetricRecord({"num-examples": 1.0, "age": 71.0})})
        return Message(content, reply_to=message)

    grid.hospitals = {"aurora": adds(1), "birch": adds(1), "cedar": talks}
    assert go().rounds[0].absent == {"cedar": "federation.unexpected-record"}


def test_weights_that_are_not_finite_are_no_answer(grid, adds, go):
    with np.errstate(over="ignore"):
        grid.hospitals = {"aurora": adds(1), "birch": adds(1), "cedar": adds(np.inf)}
        assert go().rounds[0].absent == {"cedar": "federation.not-finite"}


def test_a_site_cannot_outweigh_all_others_by_a_number(grid, adds, go):
    grid.hospitals = {"aurora": adds(1), "birch": adds(1), "cedar": adds(9, 1e300)}
    assert go().rounds[0].absent == {"cedar": "federation.unexpected-record"}


def test_silence_is_waited_for_until_the_timeout_and_no_longer(grid, adds, go):
    grid.hospitals = {"aurora": adds(1), "birch": adds(1), "cedar": lambda _message: None}
    start = time.monotonic()
    record = go()
    assert record.rounds[0].absent == {"cedar": NO_REPLY}
    assert time.monotonic() - start < 10


def test_fewer_answers_than_the_minimum_end_the_run_and_name_who_is_missing(
    grid, adds, fails, go, run
):
    grid.hospitals = {
        "aurora": adds(1),
        "birch": fails("agent.approval-expired"),
        "cedar": lambda _message: None,
    }
    with pytest.raises(QuorumError) as caught:
        go()
    assert caught.value.absent == {"birch": "agent.approval-expired", "cedar": NO_REPLY}
    assert "birch (agent.approval-expired)" in caught.value.message
    assert run.folder.read().rounds == ()
    assert not run.folder.models.exists(), "a run that lost its quorum publishes no model"


def test_the_last_good_round_outlives_a_lost_quorum(grid, hospitals, go, run, schema):
    adds, fails = hospitals
    good = adds(1)

    def leaves(message):
        return good(message) if message.metadata.group_id in "01" else fails("agent.gone")(message)

    grid.hospitals = {"aurora": good, "birch": leaves}
    with pytest.raises(QuorumError, match="Round 3"):
        go()
    record = run.folder.read()
    assert len(record.rounds) == 2
    model = run.folder.last_checkpoint(schema, record)
    assert model.server_round == 2
    assert np.allclose(model.weights, 2.0)


def test_an_evaluation_that_loses_its_quorum_is_no_success(grid, adds, fails, go, run):
    good = adds(1)

    def silent_at_the_end(message):
        train = message.metadata.message_type == "train"
        return good(message) if train else fails("egress.small-cell")(message)

    grid.hospitals = {"aurora": good, "birch": silent_at_the_end}
    with pytest.raises(QuorumError):
        go()
    record = run.folder.read()
    assert record.phase == "evaluating"
    assert record.evaluation_absent == {"birch": "egress.small-cell"}


def test_too_few_sites_online_end_the_run_in_time(grid, adds, go):
    grid.hospitals = {"aurora": adds(1)}
    start = time.monotonic()
    with pytest.raises(TooFewSitesError, match="missing: birch, cedar"):
        go()
    assert time.monotonic() - start < 5


def test_a_node_under_a_member_s_name_but_another_key_is_nobody(grid, adds, go):
    grid.hospitals = {"aurora": adds(1), "birch": adds(1)}
    nodes = grid.get_nodes()
    nodes[1].public_key = b"another key"
    grid.get_nodes = lambda: nodes
    with pytest.raises(TooFewSitesError, match="birch"):
        go()


def test_a_node_that_is_no_member_is_never_asked(grid, adds, go):
    grid.hospitals = {name: adds(1) for name in ("aurora", "birch", "cedar", "stranger")}
    go()
    assert "stranger" not in {name for name, _, _ in grid.asked}


def test_the_minimum_does_not_wait_for_ever_for_the_rest(grid, adds, go):
    grid.hospitals = {"aurora": adds(1), "birch": adds(1)}
    record = go()
    assert record.phase == "completed"
    assert set(record.rounds[0].sites) == {"aurora", "birch"}
