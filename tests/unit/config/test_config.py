from __future__ import annotations

import shutil
import tomllib

import pytest
import tomli_w
from sqlalchemy import make_url

from fedpacs.config.consortium import load_consortium
from fedpacs.config.job import JobConfig, load_job
from fedpacs.config.load import FaultyConfigError, FileUnreadableError, parse
from fedpacs.config.pacs import FolderPacs
from fedpacs.config.shipped import shipped
from fedpacs.config.site import load_site
from fedpacs.core.errors import MachineError

JOB = shipped("configs", "jobs", "brain-tissue.toml")
SITE = shipped("sites", "aurora", "site.toml")


def data_of(path):
    return tomllib.loads(path.read_text())


def faults_of(model_loader, path):
    with pytest.raises(FaultyConfigError) as caught:
        model_loader(path)
    return {fault.where for fault in caught.value.faults}


@pytest.mark.parametrize("path", sorted(shipped("sites").glob("*/site.toml")), ids=str)
def test_every_shipped_site_loads(path):
    assert load_site(path).site.name


@pytest.mark.parametrize("path", sorted(shipped("configs", "jobs").glob("*.toml")), ids=str)
def test_every_shipped_job_loads(path):
    assert load_job(path).digest


def test_the_shipped_consortium_loads():
    assert load_consortium(shipped("configs", "consortia", "demo.toml")).members


def test_all_faults_are_told_at_once_with_their_places(tmp_path):
    data = data_of(SITE)
    data["pacs"]["port"] = 70000
    data["pacs"]["called_ae_title"] = "SEVENTEEN_LETTERS"
    data["store"]["key"] = "hunter2"
    data["extra"] = 1
    file = tmp_path / "site.toml"
    file.write_text(tomli_w.dumps(data))
    assert faults_of(load_site, file) == {
        "pacs.dimse.port",
        "pacs.dimse.called_ae_title",
        "store.key",
        "extra",
    }


def test_a_secret_written_into_the_file_is_refused_and_not_repeated(tmp_path):
    data = data_of(SITE)
    data["book"]["signing_key"] = "correct-horse-battery-staple"
    file = tmp_path / "site.toml"
    file.write_text(tomli_w.dumps(data))
    with pytest.raises(FaultyConfigError) as caught:
        load_site(file)
    assert "correct-horse" not in str(caught.value)


def test_relative_paths_and_keys_are_relative_to_the_file(tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(SITE.read_text())
    config = load_site(file)
    assert config.store.path == tmp_path / "data" / "store"
    assert config.deidentification.project_key == f"file:{tmp_path / 'keys' / 'project.key'}"
    assert config.book.url == f"sqlite:///{tmp_path / 'data' / 'book.db'}"


def test_a_folder_site_gives_its_results_to_a_pacs():
    config = load_site(shipped("sites", "cedar", "site.toml"))
    assert isinstance(config.pacs, FolderPacs)
    assert config.results_pacs is not None


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[site", b"a = 1\na = 2"])
def test_what_is_not_toml_is_a_coded_error(tmp_path, content):
    file = tmp_path / "site.toml"
    file.write_bytes(content)
    with pytest.raises(FileUnreadableError):
        load_site(file)


def test_a_missing_file_is_a_coded_error(tmp_path):
    with pytest.raises(FileUnreadableError):
        load_job(tmp_path / "none.toml")


def test_comments_and_order_do_not_change_a_job_and_values_do():
    data = data_of(JOB)
    turned = dict(reversed(data.items()))
    job = parse(JobConfig, data, "job.toml")
    assert parse(JobConfig, turned, "job.toml").digest == job.digest
    data["training"]["seed"] += 1
    assert parse(JobConfig, data, "job.toml").digest != job.digest


def test_a_default_written_out_is_the_same_job():
    data = data_of(JOB)
    digest = parse(JobConfig, data, "job.toml").digest
    data["cohort"]["study_date"] = ""
    assert parse(JobConfig, data, "job.toml").digest == digest


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("network", "name", "torch.hub.load"),
        ("training", "loss", "$import os"),
        ("training", "learning_rate", float("inf")),
        ("federation", "rounds", 0),
        ("egress", "metrics", ["patient name"]),
        ("cohort", "splits", {"train": 0.5, "validation": 0.2, "test": 0.2}),
    ],
)
def test_a_job_is_data_within_narrow_bounds(table, key, value):
    data = data_of(JOB)
    data[table][key] = value
    with pytest.raises(FaultyConfigError):
        parse(JobConfig, data, "job.toml")


def test_more_signatures_than_approvers_can_never_be_had(tmp_path):
    data = data_of(SITE)
    data["approval"]["required"] = 2
    file = tmp_path / "site.toml"
    file.write_text(tomli_w.dumps(data))
    assert faults_of(load_site, file) == {"approval"}


def test_an_incomplete_installation_is_named():
    with pytest.raises(MachineError):
        shipped("configs", "none")


@pytest.mark.parametrize("name", ["a?b", "a#b%20c", "St. Mary's 病院"])
def test_a_book_lies_in_the_sites_folder_whatever_that_is_called(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    shutil.copyfile(shipped("sites", "cedar", "site.toml"), folder / "site.toml")
    url = load_site(folder / "site.toml").book.url
    assert make_url(url).database == str(folder / "data" / "book.db")
