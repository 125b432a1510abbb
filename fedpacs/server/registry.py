"""The record of a run: what every site gave in every round, and the last good weights.

The ServerApp writes it after each round; whoever follows the run reads it. Each file is replaced
atomically, weights before the record that names them, so a crash leaves the last round intact.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from fedpacs.federation.model_file import SUFFIX, load_model, save_model, write_atomically
from fedpacs.server.errors import RunUnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fedpacs.core.update import GlobalModel
    from fedpacs.core.wire import WireSchema
    from fedpacs.server.home import Home

Phase = Literal["waiting", "training", "evaluating", "completed", "failed"]
_KEPT_CHECKPOINTS = 2
_RECORD = "run.json"


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One round.

    Attributes
    ----------
    server_round
        Counted from 1.
    model_digest
        SHA-256 of the file of the model that the round produced.
    seconds
        Wall clock of the whole round.
    sites
        Numbers that each site released, by node name.
    absent
        Code of why a site is missing, by node name.
    """

    server_round: int
    model_digest: str
    seconds: float
    sites: Mapping[str, Mapping[str, float]]
    absent: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run, as far as it got.

    Attributes
    ----------
    run_id
        Flower's number of the run, decimal.
    planned
        Rounds that the job asks for.
    evaluation
        Numbers that each site released about the final model, by node name.
    evaluation_absent
        Code of why a site gave no evaluation.
    model_digest
        Final model; empty until there is one.
    code, message, hint
        Of the error that ended the run; code is None while all is well.
    missing
        With a failed run: code of why each missing site is missing.
    """

    run_id: str
    job_name: str
    job_digest: str
    planned: int
    phase: Phase = "waiting"
    rounds: tuple[RoundRecord, ...] = ()
    evaluation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    evaluation_absent: Mapping[str, str] = field(default_factory=dict)
    model_digest: str = ""
    code: str | None = None
    message: str = ""
    hint: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """True when the run completed or failed."""
        return self.phase in ("completed", "failed")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Files of one run.

    Attributes
    ----------
    path
        ``<home>/runs/<run id>``.
    models
        Where final models go, named by digest.
    """

    path: Path
    models: Path

    @classmethod
    def of(cls, home: Home, run_id: int | str) -> RunFolder:
        """Folder of a run by its number."""
        return cls(home.runs / str(int(run_id)), home.models)

    def write(self, record: RunRecord) -> None:
        """Replace the record."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(self.path / _RECORD, json.dumps(asdict(record), indent=1).encode())

    def read(self) -> RunRecord | None:
        """Read the record; None before the ServerApp wrote one.

        Raises
        ------
        RunUnreadableError
            If it is damaged.
        """
        try:
            plain = json.loads((self.path / _RECORD).read_text(encoding="utf-8"))
            return _record(plain)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise RunUnreadableError("The record of the run cannot be read.") from error

    def checkpoint(self, model: GlobalModel, schema: WireSchema) -> str:
        """Keep a round's weights (the last two rounds' are kept) and give their digest."""
        folder = self.path / "checkpoints"
        path, digest = save_model(folder, model, schema)
        path.touch()
        stored = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
        for old in stored[:-_KEPT_CHECKPOINTS]:
            old.unlink()
        return digest

    def last_checkpoint(self, schema: WireSchema, record: RunRecord) -> GlobalModel:
        """Read the weights of the last recorded round.

        Raises
        ------
        RunUnreadableError
            If no round was recorded.
        ModelFileError
            If the file is missing or damaged.
        """
        if not record.rounds:
            raise RunUnreadableError("No round of the run was recorded.")
        name = f"{record.rounds[-1].model_digest}{SUFFIX}"
        return load_model(self.path / "checkpoints" / name, schema, record.job_digest)[0]

    def publish(self, model: GlobalModel, schema: WireSchema) -> str:
        """Keep the final model and give its digest."""
        return save_model(self.models, model, schema)[1]


def _record(plain: dict[str, Any]) -> RunRecord:
    rounds = tuple(RoundRecord(**item) for item in plain.pop("rounds"))
    return RunRecord(rounds=rounds, **plain)
