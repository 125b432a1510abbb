"""The signed file of statistics: read back strictly, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.core.errors import FedpacsError
from fedpacs.core.statistics import Group, Moments, Noise, ReleasedTable, SiteStatistics
from fedpacs.crypto.signatures import SigningKey
from fedpacs.federation.errors import NoStatisticsAskedError
from fedpacs.federation.statistics import read_statistics, statistics_schema, write_statistics

JOB = load_job(shipped("configs", "jobs", "brain-tissue.toml"))
STATISTICS = SiteStatistics(
    site="aurora",
    job_digest="a" * 64,
    schema_digest="b" * 64,
    patients=20,
    minimum_cell=5,
    tables={"sex": ReleasedTable("sex", (Group(0, 0, 11), Group(1, 1, 9)), 0)},
    moments=Moments(20, ("intercept",), ("f-1",), ((20.0,),), ((1.5,),), (9.0,)),
    withheld=("age",),
)


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    return SigningKey.create(tmp_path_factory.mktemp("keys") / "agent.pem")


def changed(content, change):
    document = json.loads(content)
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "statistics",
    [
        STATISTICS,
        replace(STATISTICS, moments=None, patients=None, noise=Noise(1.0, 1e-6, 4.875)),
        replace(STATISTICS, tables={}, moments=None),
    ],
)
def test_what_is_written_is_read(key, statistics):
    assert read_statistics(write_statistics(statistics, key), {"aurora": key.public}) == statistics


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["tables"]["sex"]["groups"][0].__setitem__(2, 12),
        lambda d: d.update(patients=21),
        lambda d: d.update(site="birch"),
        lambda d: d.update(comment="Mustermann"),
        lambda d: d.update(site="Mustermann, Erika"),
        lambda d: d["tables"].update({"Mustermann": {"groups": [], "pooled": 0}}),
        lambda d: d["tables"]["sex"].update(note="x"),
        lambda d: d["tables"]["sex"]["groups"].append([1]),
        lambda d: d["tables"]["sex"]["groups"].append([2, 2, 1.5]),
        lambda d: d["tables"]["sex"]["groups"].append([2, 2, True]),
        lambda d: d["moments"]["cross"].append([1.0]),
        lambda d: d["moments"].update(squares=["9"]),
        lambda d: d.update(format=2),
        lambda d: d.update(signature="00"),
        lambda d: d.pop("signature"),
        lambda d: d.pop("tables"),
    ],
)
def test_whatever_is_changed_in_it_is_refused(key, change):
    content = changed(write_statistics(STATISTICS, key), change)
    with pytest.raises(FedpacsError) as caught:
        read_statistics(content, {"aurora": key.public, "birch": key.public})
    assert "Mustermann" not in str(caught.value)


def test_another_agents_signature_is_refused(key, tmp_path):
    other = SigningKey.create(tmp_path / "other.pem")
    content = write_statistics(STATISTICS, other)
    with pytest.raises(FedpacsError) as caught:
        read_statistics(content, {"aurora": key.public})
    assert caught.value.code == "crypto.bad-signature"


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_garbage_is_refused_with_a_code(content):
    with pytest.raises(FedpacsError) as caught:
        read_statistics(content, {})
    assert caught.value.code == "federation.statistics-unreadable"


KEYS = ("format", "site", "job", "schema", "tables", "signature", "withheld", "minimum_cell")
DOCUMENTS = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner),
)


@given(DOCUMENTS)
def test_any_other_document_is_refused_with_a_code(document):
    with pytest.raises(FedpacsError):
        read_statistics(json.dumps(document).encode(), {})


def test_a_job_that_asks_for_none_has_no_schema():
    with pytest.raises(NoStatisticsAskedError):
        statistics_schema(JOB)


def asking(**statistics):
    data = {**JOB.as_dict(), "statistics": statistics}
    return type(JOB).model_validate(data)


def test_the_schema_is_named_by_everything_that_may_leave():
    digests = {
        statistics_schema(asking(**asked)).digest
        for asked in (
            {},
            {"tables": ["age"]},
            {"moments": True},
            {"noise": {"epsilon": 1.0}},
            {"noise": {"epsilon": 2.0}},
        )
    }
    assert len(digests) == 5
    assert list(statistics_schema(asking(tables=["age"])).forms) == ["age"]


@pytest.mark.parametrize(
    "asked", [{"tables": ["mrn"]}, {"moments": True, "noise": {"epsilon": 1.0}}, {"bins": [1, 2]}]
)
def test_a_job_cannot_ask_for_what_there_is_not_nor_for_sums_beside_noise(asked):
    with pytest.raises(ValueError, match=r"statistics|moments|bins"):
        asking(**asked)
