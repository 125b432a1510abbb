"""What federation gains on the demo's task: local-only, pooled and FedAvg models, in one process.

Runs the product's own training on the demo's synthetic hospitals, without DICOM, PACS or network;
FedAvg is the plain weighted mean. All patients come from one average brain: the numbers show the
planted site shift, not generalisation.

    OMP_NUM_THREADS=1 python benchmarks/federation_gain.py --seeds 3 [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.simulation.hospital_recipe import RECIPES, volumes
from fedpacs.training.evaluation import evaluate
from fedpacs.training.networks import build_network, initial_weights
from fedpacs.training.packing import pack, unpack
from fedpacs.training.preparation import prepare
from fedpacs.training.trainer import train

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from fedpacs.config.job import JobConfig
    from fedpacs.training.preparation import PreparedVolume

    Parts = dict[str, tuple[list[PreparedVolume], list[PreparedVolume], list[PreparedVolume]]]
    Weights = NDArray[np.float32]


def prepared_parts(job: JobConfig, seed: int) -> Parts:
    """Train, validation and test volumes by hospital; each seed draws other patients."""
    parts = {}
    for name, recipe in RECIPES.items():
        drawn = replace(recipe, seed=recipe.seed + 1000 * seed)
        ready = [prepare(volume, job.preparation) for volume in volumes(drawn)]
        test = round(job.cohort.splits.test * len(ready))
        validation = round(job.cohort.splits.validation * len(ready))
        cut = len(ready) - test - validation
        parts[name] = (ready[:cut], ready[cut : cut + validation], ready[cut + validation :])
    return parts


def alone(job: JobConfig, network: nn.Module, training: list[PreparedVolume]) -> Weights:
    """Train from the initial weights for as many epochs as the federation has."""
    unpack(network, initial_weights(job))
    for epoch in range(1, job.federation.rounds * job.training.local_epochs + 1):
        train(network, training, job, server_round=epoch, epochs=1)
    return pack(network)


def averaged(job: JobConfig, network: nn.Module, parts: Parts) -> tuple[Weights, float, float]:
    """Run FedAvg; gives the weights, the longest step and the seconds of a local round."""
    weights, longest, seconds = initial_weights(job), 0.0, []
    for server_round in range(1, job.federation.rounds + 1):
        total, examples = np.zeros_like(weights, dtype=np.float64), 0
        for training, _, _ in parts.values():
            unpack(network, weights)
            begin = time.process_time()
            outcome = train(network, training, job, server_round=server_round)
            seconds.append(time.process_time() - begin)
            update = pack(network)
            longest = max(longest, float(np.linalg.norm(update - weights)))
            total += outcome.num_examples * update.astype(np.float64)
            examples += outcome.num_examples
        weights = (total / examples).astype(np.float32)
    return weights, longest, max(seconds)


def scores(job: JobConfig, network: nn.Module, weights: Weights, parts: Parts) -> list[float]:
    """Test Dice by hospital."""
    unpack(network, weights)
    return [evaluate(network, test, job).mean_dice for _, _, test in parts.values()]


def trial(job: JobConfig, seed: int) -> tuple[dict[str, list[float]], float, float]:
    """One seed: rows of test Dice by model, and the FedAvg run's step and time."""
    job = job.model_copy(update={"training": job.training.model_copy(update={"seed": seed})})
    parts = prepared_parts(job, seed)
    network = build_network(job.network, len(job.cohort.labels) + 1)
    rows = {}
    for name, (training, _, _) in parts.items():
        rows[f"local {name}"] = scores(job, network, alone(job, network, training), parts)
    pooled = [volume for training, _, _ in parts.values() for volume in training]
    rows["pooled"] = scores(job, network, alone(job, network, pooled), parts)
    weights, longest, seconds = averaged(job, network, parts)
    rows["fedavg"] = scores(job, network, weights, parts)
    return rows, longest, seconds


def table(rows: dict[str, list[float]]) -> None:
    """Print a table of test Dice."""
    print(f"{'':14}" + "".join(f"{name:>9}" for name in RECIPES) + "     mean    worst")
    for name, values in rows.items():
        line = "".join(f"{value:9.3f}" for value in values)
        print(f"{name:14}{line}{np.mean(values):9.3f}{min(values):9.3f}")


def main() -> None:
    """Run the trial over several seeds and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--job", type=Path, default=shipped("configs", "jobs", "brain-tissue.toml"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    job = load_job(options.job)
    results = []
    for seed in range(options.seeds):
        rows, longest, seconds = trial(job, seed)
        print(f"\nseed {seed}: longest step {longest:.1f}, local round {seconds:.2f} CPU s at most")
        table(rows)
        results.append({"seed": seed, "dice": rows, "step": longest, "round_s": seconds})
    mean = {
        name: np.mean([result["dice"][name] for result in results], axis=0).tolist()
        for name in results[0]["dice"]
    }
    print(f"\nmean over {options.seeds} seeds")
    table(mean)
    if options.json:
        options.json.write_text(json.dumps({"hospitals": list(RECIPES), "seeds": results}))


if __name__ == "__main__":
    main()
