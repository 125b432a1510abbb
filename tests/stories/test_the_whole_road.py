"""The demo, run as a user runs it: once, again from the notebook, and stopped half way."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from archives import need
from nbclient import NotebookClient

from fedpacs.agent.site import Site
from fedpacs.config.site import load_site

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_the_road.ipynb"
DEMO = [sys.executable, "-m", "fedpacs.cli.main", "demo"]
HOSPITALS = ("aurora", "birch", "cedar")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One demo of two rounds: its workspace and what it printed."""
    workspace = tmp_path_factory.mktemp("road") / "demo"
    done = subprocess.run(
        [*DEMO, "--workspace", str(workspace), "--rounds", "2", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return workspace, json.loads(done.stdout)


def test_every_hospital_trained_every_round_and_got_its_result_back(demo):
    _, outcome = demo
    assert [h["hospital"] for h in outcome["hospitals"]] == list(HOSPITALS)
    for hospital in outcome["hospitals"]:
        assert hospital["updates"] == 2
        assert hospital["result_in_pacs"]
        assert hospital["book_verifies"]


def test_a_study_that_must_not_be_used_was_put_aside(demo):
    _, outcome = demo
    assert [h["quarantined"] for h in outcome["hospitals"]] == [1, 1, 0]


def test_nothing_planted_was_found_where_it_must_not_be(demo):
    _, outcome = demo
    assert outcome["leaks"] == 0
    assert outcome["planted_strings"] > 1000


def test_every_model_was_scored_on_every_hospital(demo):
    _, outcome = demo
    names = [model["model"] for model in outcome["models"]]
    assert names == [*(f"local {name}" for name in HOSPITALS), "pooled", "federated"]
    assert all(0 < model["worst_site"] <= model["mean"] <= 1 for model in outcome["models"])


def test_the_report_stands_alone(demo):
    page = (demo[0] / "report.html").read_text()
    assert "Content-Security-Policy" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "did not hold" not in page


def test_staging_is_empty_and_secrets_are_private(demo):
    workspace, _ = demo
    for name in HOSPITALS:
        folder = workspace / "sites" / name
        staging = load_site(folder / "site.toml").store.staging
        assert [p.name for p in staging.iterdir()] == [".lock"]
        secrets = [p for p in (folder / "keys").iterdir() if p.suffix not in (".pub", ".crt")]
        assert all(p.stat().st_mode & 0o077 == 0 for p in secrets)
        assert (workspace / "wire" / name).stat().st_mode & 0o077 == 0


def test_the_notebook_runs_and_a_second_demo_finds_everything_in_place(demo, monkeypatch):
    workspace, outcome = demo
    before = [_numbers(workspace, name) for name in HOSPITALS]
    monkeypatch.setenv("FEDPACS_DEMO", str(workspace))
    monkeypatch.setenv("FEDPACS_DEMO_ROUNDS", "2")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=900, kernel_name="python3").execute()
    printed = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert f"{outcome['planted_strings']} planted strings, 0 found" in printed
    assert [_numbers(workspace, name) for name in HOSPITALS] == before


def _numbers(workspace, name):
    status = Site.open(workspace / "sites" / name / "site.toml").status()
    sealed = status.events["study-sealed"]
    return status.studies, status.patients, sealed, status.quarantined, status.book_verifies


def test_ctrl_c_ends_every_process_and_says_what_to_do(tmp_path):
    workspace = tmp_path / "demo"
    process = subprocess.Popen(
        [*DEMO, "--workspace", str(workspace), "--rounds", "2"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not _running("flower-supernode", tmp_path):
        time.sleep(0.2)
    assert _running("flower-supernode", tmp_path)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "next:" in said
    assert _running("", tmp_path) == []


def _running(program: str, folder: Path) -> list[str]:
    """Command lines of processes of this workspace, but for the demo itself."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and program in line and "fedpacs.cli.main demo" not in line:
            found.append(line)
    return found


def test_the_report_opens_in_a_browser_without_the_network(demo, tmp_path):
    from PIL import Image

    picture = tmp_path / "page.png"
    browser = need("chromium", "chromium")
    shown = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1280,1400",
            f"--screenshot={picture}",
            (demo[0] / "report.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in shown.stderr, "the page breaks its own Content-Security-Policy"
    with Image.open(picture) as page:
        assert page.size == (1280, 1400)
        colours = page.convert("RGB").getcolors(maxcolors=1 << 20)
    assert colours is not None
    assert len(colours) > 20
    assert max(count for count, _ in colours) < 0.99 * 1280 * 1400
