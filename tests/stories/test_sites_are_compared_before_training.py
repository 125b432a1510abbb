"""The consortium compares what three sites handed over: a table, a page, a harmonisation."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path  # noqa: TC003 - types for readers

import numpy as np
import pytest
import tomli_w
from simulated_sites import (
    Scanner,
    design,
    features,
    make_facts,
    noisy_statistics_of,
    statistics_of,
)

from fedpacs.cli.main import app, call
from fedpacs.config.job import load_job
from fedpacs.config.load import read_toml
from fedpacs.config.shipped import shipped
from fedpacs.core.errors import FedpacsError
from fedpacs.core.statistics import Group
from fedpacs.crypto.signatures import SigningKey
from fedpacs.federation.harmonisation import read_harmonisation
from fedpacs.federation.statistics import statistics_schema, write_statistics
from fedpacs.quality.harmonisation.location_scale import harmonise

SITES = ("aurora", "birch", "cedar")
SHIFTED = Scanner(manufacturer="Philips", slice_mm=5.5, gain=1100.0)


@dataclass
class Desk:
    """The consortium's machine with the files of three sites."""

    folder: Path
    keys: dict[str, SigningKey]
    facts: dict[str, list]

    @property
    def job_file(self):
        return self.folder / "job.toml"

    def ask(self, **statistics):
        data = read_toml(shipped("configs", "jobs", "brain-tissue.toml"))
        label = {**data["cohort"]["labels"][0], "name": "lesion"}
        data["cohort"]["labels"] = [label]
        self.job_file.write_text(tomli_w.dumps({**data, "statistics": statistics}))

    def file(self, site):
        return self.folder / f"{site}.json"

    def hand_over(self, site, make=statistics_of, **changes):
        job = load_job(self.job_file)
        made = make(site, self.facts[site])
        made = replace(
            made, job_digest=job.digest, schema_digest=statistics_schema(job).digest, **changes
        )
        self.file(site).write_bytes(write_statistics(made, self.keys[site]))
        return made

    def compare(self, capsys, *files):
        words = ["consortium", "compare", *map(str, files or map(self.file, SITES))]
        words += ["--job", str(self.job_file), "--out", str(self.folder / "out"), "--json"]
        call(app, [*words, "--consortium", str(self.folder / "consortium.toml")])
        return json.loads(capsys.readouterr().out)

    @property
    def page(self):
        return (self.folder / "out" / "comparison.html").read_text()


@pytest.fixture
def desk(tmp_path):
    keys = {site: SigningKey.create(tmp_path / f"{site}.pem") for site in SITES}
    consortium = {
        "consortium": {"name": "demo"},
        "members": list(SITES),
        "agents": {site: key.public for site, key in keys.items()},
    }
    (tmp_path / "consortium.toml").write_text(tomli_w.dumps(consortium))
    rng = np.random.default_rng(11)
    facts = {site: make_facts(rng, 40, SHIFTED if site == "cedar" else Scanner()) for site in SITES}
    desk = Desk(tmp_path, keys, facts)
    desk.ask(moments=True)
    for site in SITES:
        desk.hand_over(site)
    return desk


def test_the_planted_site_is_named_with_what_was_planted(desk, capsys):
    report = desk.compare(capsys)
    assert set(report["shifted"]) == {"cedar"}
    assert {"vendor", "slice-spacing", "intensity-middle"} <= set(report["shifted"]["cedar"])
    assert not {"sex", "age", "field-strength", "pixel-spacing"} & set(report["shifted"]["cedar"])
    assert report["found"] == [
        sentence for sentence in report["found"] if sentence.startswith("cedar stands apart")
    ]
    assert report["overall"]["aurora - birch"] < 0.5 * report["overall"]["aurora - cedar"]
    assert report["found"][0] in desk.page


def test_the_page_needs_nothing_from_outside_and_is_well_formed(desk, capsys):
    desk.compare(capsys)
    assert "default-src 'none'" in desk.page
    assert not re.search(r"<script|https?://|\bon[a-z]+=|url\(", desk.page)
    open_tags, void = [], {"meta", "rect", "link"}

    class Checker(HTMLParser):
        def handle_starttag(self, tag, _attrs):
            if tag not in void:
                open_tags.append(tag)

        def handle_endtag(self, tag):
            if tag not in void:
                assert open_tags.pop() == tag

    Checker().feed(desk.page)
    assert open_tags == []


def test_the_harmonisation_that_is_offered_fits_the_next_job_and_the_sites(desk, capsys):
    desk.compare(capsys)
    offered = read_harmonisation((desk.folder / "out" / "harmonisation.json").read_bytes())
    data = read_toml(desk.job_file)
    data["preparation"].update(
        intensity="standard-scale", standard_scale=list(offered.standard_scale)
    )
    desk.job_file.write_text(tomli_w.dumps(data))
    assert load_job(desk.job_file).preparation.standard_scale == offered.standard_scale
    assert str(offered.standard_scale[0]) in desk.page
    middles = []
    for site, model in offered.models.items():
        facts = desk.facts[site]
        names = (*model.features,)
        after = harmonise(features(facts), names, design(facts), model)
        middles.append(after[:, names.index("intensity-p50")].mean())
    assert np.ptp(middles) < 0.05 < np.ptp([features(f)[:, 5].mean() for f in desk.facts.values()])


def test_without_sums_there_is_a_comparison_and_no_harmonisation(desk, capsys):
    desk.ask()
    for site in SITES:
        desk.hand_over(site, moments=None)
    report = desk.compare(capsys)
    assert report["harmonisation"] is None
    assert set(report["shifted"]) == {"cedar"}
    assert "moments = true" in desk.page


def test_through_noise_a_large_shift_is_found_and_equal_sites_are_not_flagged(desk, capsys):
    rng = np.random.default_rng(5)
    desk.ask(tables=["vendor", "slice-spacing", "sex"], noise={"epsilon": 2.0})
    desk.facts = {
        site: make_facts(rng, 150, SHIFTED if site == "cedar" else Scanner()) for site in SITES
    }
    for site in SITES:
        desk.hand_over(site, make=noisy_statistics_of)
    report = desk.compare(capsys)
    assert set(report["shifted"]) == {"cedar"}
    assert set(report["shifted"]["cedar"]) == {"vendor", "slice-spacing"}
    assert "discrete Gaussian noise" in desk.page
    assert "hidden by noise" in desk.page


def refused(desk, capsys, *files):
    with pytest.raises(FedpacsError) as caught:
        desk.compare(capsys, *files)
    assert not (desk.folder / "out").exists()
    return caught.value


def test_a_file_that_was_changed_on_the_way_is_refused_by_name(desk, capsys):
    text = desk.file("birch").read_text()
    desk.file("birch").write_text(text.replace('"patients": 40', '"patients": 41'))
    error = refused(desk, capsys)
    assert error.code == "server.statistics-refused"
    assert "birch.json" in error.message


def test_a_file_of_another_job_a_second_file_of_a_site_and_one_alone_are_refused(desk, capsys):
    copy = desk.folder / "copy.json"
    copy.write_bytes(desk.file("aurora").read_bytes())
    assert "another file" in refused(desk, capsys, desk.file("aurora"), copy).message
    assert "two" in refused(desk, capsys, copy).message
    assert "cannot be read" in refused(desk, capsys, desk.folder / "none.json", copy).message
    desk.ask(tables=["age"])
    assert "another job" in refused(desk, capsys).message


@pytest.mark.parametrize(
    "groups", [(Group(0, 99, 40),), (Group(3, 3, 20), Group(2, 2, 20)), (Group(-2, 1, 40),)]
)
def test_a_table_beyond_its_cells_is_refused_even_when_it_is_signed(desk, capsys, groups):
    made = desk.hand_over("cedar")
    tables = {**made.tables, "age": replace(made.tables["age"], groups=groups)}
    desk.hand_over("cedar", tables=tables)
    assert "cedar.json" in refused(desk, capsys).message


def test_a_site_whose_agent_is_not_known_is_refused(desk, capsys):
    data = read_toml(desk.folder / "consortium.toml")
    del data["agents"]["cedar"]
    (desk.folder / "consortium.toml").write_text(tomli_w.dumps(data))
    assert "not known" in refused(desk, capsys).message
