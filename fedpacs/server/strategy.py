"""The strategy: Flower's FedAvg over the packed array, weighted by each site's examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from flwr.app import MetricRecord, RecordDict
from flwr.serverapp.strategy import FedAvg

from fedpacs.core.update import GlobalModel
from fedpacs.federation.errors import NotFiniteError
from fedpacs.federation.messages import ARRAYS, METRICS
from fedpacs.federation.schema import NUM_EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.core.wire import WireSchema
    from fedpacs.server.exchange import Answer


def average(
    answers: Mapping[str, Answer], asked: GlobalModel, schema: WireSchema, minimum_sites: int
) -> GlobalModel:
    """Average the sites' weights into the next global model.

    Parameters
    ----------
    answers
        Valid answers by site; averaged in the order of the names, so that the same answers give
        the same bits.
    asked
        Model that the sites trained on.
    minimum_sites
        Told to FedAvg; the caller has checked the quorum.

    Raises
    ------
    NotFiniteError
        If the average overflows.

    References
    ----------
    B. McMahan et al., AISTATS 2017, Algorithm 1 (FederatedAveraging), server step.
    """
    strategy = FedAvg(
        min_train_nodes=minimum_sites,
        min_available_nodes=minimum_sites,
        weighted_by_key=NUM_EXAMPLES,
        arrayrecord_key=ARRAYS,
    )
    replies = []
    for name in sorted(answers):
        answer = answers[name]
        weight = MetricRecord({NUM_EXAMPLES: answer.update.metrics[NUM_EXAMPLES]})
        # sites may release different sets of numbers (small cells); FedAvg needs equal ones
        answer.message.content = RecordDict(
            {ARRAYS: answer.message.content[ARRAYS], METRICS: weight}
        )
        replies.append(answer.message)
    arrays, _ = strategy.aggregate_train(asked.server_round + 1, replies)
    if arrays is None:
        raise NotFiniteError("There was nothing to average.")
    weights = arrays[schema.array_name].numpy().astype(np.float32)
    if not np.isfinite(weights).all():
        raise NotFiniteError("The average of the sites' weights is not finite.")
    return GlobalModel(asked.job_digest, asked.server_round + 1, weights)
