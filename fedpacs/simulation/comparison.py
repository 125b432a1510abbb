"""Is federation worth it: local-only, pooled and federated models on every hospital's patients.

The pooled model exists in the demo alone, where all patients are synthetic: nowhere else may the
images of several hospitals come together.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.agent.learner import Learner
from fedpacs.agent.premises import Premises
from fedpacs.agent.snapshot import current_cohort
from fedpacs.config.job import load_job
from fedpacs.core.cohort import Split
from fedpacs.core.update import GlobalModel
from fedpacs.federation.model_file import load_model, save_model
from fedpacs.simulation.errands import run_all, send
from fedpacs.training.networks import build_network, initial_weights
from fedpacs.training.packing import pack, unpack
from fedpacs.training.trainer import train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fedpacs.config.job import JobConfig
    from fedpacs.federation.processes import Supervisor
    from fedpacs.simulation.errands import Errand
    from fedpacs.simulation.workspace import HospitalPlace, Workspace

_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Comparison:
    """Dice of each model on each hospital's held-out patients.

    Attributes
    ----------
    local
        By hospital that trained it, then by hospital that tested it.
    pooled, federated
        By hospital that tested it.
    """

    local: dict[str, dict[str, float]]
    pooled: dict[str, float]
    federated: dict[str, float]


def compare(
    workspace: Workspace,
    federated: Path,
    supervisor: Supervisor,
    tell: Callable[[int, int], None],
) -> Comparison:
    """Train the rivals with the same budget and score all models everywhere.

    Parameters
    ----------
    workspace
        Hospitals with their cohorts.
    federated
        File of the federated model.
    supervisor
        Ends the trainings when the demo ends.
    tell
        Called with epochs done and epochs in all.
    """
    job = load_job(workspace.job_file)
    epochs = job.federation.rounds * job.training.local_epochs
    starts = [partial(_start_pooled, workspace, supervisor)]
    starts += [partial(_start_alone, workspace, supervisor, p) for p in workspace.hospitals]
    total = epochs * len(starts)
    answers = run_all(starts, _AT_ONCE, lambda done: tell(done, total))
    tell(total, total)
    pooled, alone = answers[0], answers[1:]
    learners = {place.name: _learner(place, job) for place in workspace.hospitals}
    return Comparison(
        local={
            place.name: _scores(learners, job, Path(answer["model_file"]))
            for place, answer in zip(workspace.hospitals, alone, strict=True)
        },
        pooled=_scores(learners, job, Path(pooled["model_file"])),
        federated=_scores(learners, job, federated),
    )


def train_pooled(
    site_files: Sequence[Path], job: JobConfig, folder: Path, tell: Callable[[int, int], None]
) -> Path:
    """Train one model on all hospitals' training parts together.

    Returns
    -------
    Path
        Its model file.
    """
    learners = [_open(file, job) for file in site_files]
    volumes = [volume for learner in learners for volume in learner.volumes(Split.TRAIN)]
    network = build_network(job.network, num_classes=len(job.cohort.labels) + 1)
    unpack(network, initial_weights(job))
    epochs = job.federation.rounds * job.training.local_epochs
    for epoch in range(1, epochs + 1):
        train(network, volumes, job, server_round=epoch, epochs=1)
        tell(epoch, epochs)
    model = GlobalModel(job.digest, job.federation.rounds, pack(network))
    return save_model(folder, model, learners[0].schema)[0]


def _scores(learners: dict[str, Learner], job: JobConfig, file: Path) -> dict[str, float]:
    scores = {}
    for name, learner in learners.items():
        model, _ = load_model(file, learner.schema, job.digest)
        scores[name] = learner.test_dice(model.weights).mean_dice
    return scores


def _learner(place: HospitalPlace, job: JobConfig) -> Learner:
    return _open(place.site_file, job)


def _open(site_file: Path, job: JobConfig) -> Learner:
    premises = Premises.open(site_file)
    return Learner(premises, job, current_cohort(premises, job))


def _start_alone(workspace: Workspace, supervisor: Supervisor, place: HospitalPlace) -> Errand:
    words = ["site", "train", "--alone", "--site", str(place.site_file)]
    words += ["--job", str(workspace.job_file)]
    return send(supervisor, f"alone-{place.name}", words)


def _start_pooled(workspace: Workspace, supervisor: Supervisor) -> Errand:
    words = [str(place.site_file) for place in workspace.hospitals]
    words += ["--job", str(workspace.job_file), "--out", str(workspace.root / "pooled")]
    return send(supervisor, "pooled", words, module="fedpacs.simulation.comparison")


def _main() -> None:
    parser = argparse.ArgumentParser(description="Train the demo's pooled model.")
    parser.add_argument("sites", nargs="+", type=Path)
    parser.add_argument("--job", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", action="store_true", required=True)
    asked = parser.parse_args()

    def tell(done: int, total: int) -> None:
        sys.stderr.write(f"pooled: {done} of {total}\n")

    file = train_pooled(asked.sites, load_job(asked.job), asked.out, tell)
    sys.stdout.write(json.dumps({"model_file": str(file)}) + "\n")


if __name__ == "__main__":
    _main()
