from __future__ import annotations

import io
import zipfile

import pytest
from flwr.cli.install import install_from_fab
from flwr.common.config import get_fused_config_from_fab
from flwr.supercore.run import Run

from fedpacs.federation.bundle import build_bundle, bundle_digest, read_bundle, run_config
from fedpacs.federation.errors import BundleUnreadableError


def names(bundle):
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return archive.namelist()


def test_the_same_job_gives_the_same_bytes(job):
    again = type(job).model_validate(job.as_dict())
    assert build_bundle(job) == build_bundle(again)


def test_its_bytes_do_not_depend_on_the_machine(job):
    """A zlib, a clock or a umask must not change what a hospital approved."""
    with zipfile.ZipFile(io.BytesIO(build_bundle(job))) as archive:
        for entry in archive.infolist():
            assert entry.compress_type == zipfile.ZIP_STORED
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.create_system, entry.external_attr) == (3, 0o100644 << 16)


def test_it_holds_the_job_and_no_code(job):
    bundle = build_bundle(job)
    assert names(bundle) == ["pyproject.toml", "job.toml", ".info/CONTENT"]
    assert read_bundle(bundle) == job


def test_another_job_gives_another_digest(job):
    other = job.model_copy(update={"training": job.training.model_copy(update={"seed": 99})})
    assert bundle_digest(build_bundle(job)) != bundle_digest(build_bundle(other))


def test_flower_fuses_exactly_the_expected_run_configuration(job):
    run = Run.create_empty(run_id=1)
    assert get_fused_config_from_fab(build_bundle(job), run) == run_config(job)
    run.override_config = {"job-digest": "0" * 64}
    assert get_fused_config_from_fab(build_bundle(job), run) != run_config(job)


def test_flower_installs_it(job, tmp_path):
    folder = install_from_fab(build_bundle(job), tmp_path, skip_prompt=True)
    assert sorted(file.name for file in folder.iterdir()) == ["job.toml", "pyproject.toml"]


def test_the_client_app_that_it_names_does_not_exist(job):
    import fedpacs.agent.executor as module

    with zipfile.ZipFile(io.BytesIO(build_bundle(job))) as archive:
        project = archive.read("pyproject.toml").decode()
    assert "fedpacs.agent.executor:sites_run_no_bundles" in project
    assert not hasattr(module, "sites_run_no_bundles")


def _with_file(bundle, name, content):
    buffer = io.BytesIO(bundle)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def test_a_bundle_with_anything_besides_is_not_one(job):
    bundle = build_bundle(job)
    for bad in (b"", b"PK", bundle[:-10], bundle + b" ", _with_file(bundle, "evil.py", "1")):
        with pytest.raises(BundleUnreadableError):
            read_bundle(bad)
