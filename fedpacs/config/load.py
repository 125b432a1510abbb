"""TOML files to frozen models, or the list of *all* faults with their TOML paths."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from fedpacs.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

ModelT = TypeVar("ModelT", bound=BaseModel)


class Frozen(BaseModel):
    """Base of every configuration model: immutable, unknown keys refused, no silent coercion."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a file.

    Attributes
    ----------
    where
        TOML path, for example ``pacs.port``.
    what
        What is wrong with it. The value itself is not repeated: it may be a secret.
    """

    where: str
    what: str


class FileUnreadableError(ConfigError):
    """The file is missing, not readable or not TOML."""

    code = "config.unreadable"
    default_hint = "Check the path and that the file is valid TOML (https://toml.io)."


class FaultyConfigError(ConfigError):
    """The file was read, but says something that is not allowed.

    Attributes
    ----------
    faults
        Every fault found, not only the first.
    """

    code = "config.faulty"
    default_hint = "Correct each line listed; sites/_template and configs/ show every key."

    def __init__(self, file_name: str, faults: tuple[Fault, ...]) -> None:
        lines = "".join(f"\n  {fault.where}: {fault.what}" for fault in faults)
        count = f"{len(faults)} fault" + ("" if len(faults) == 1 else "s")
        super().__init__(f"{file_name} has {count}:{lines}")
        self.faults = faults


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    FileUnreadableError
        If it cannot be read or parsed.
    """
    try:
        with path.open("rb") as handle:
            return tomllib.load(handle)
    except OSError as error:
        raise FileUnreadableError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileUnreadableError(f"{path.name} is not valid TOML: {error}.") from error


def parse(model: type[ModelT], data: dict[str, Any], file_name: str) -> ModelT:
    """Check plain data against a model.

    Raises
    ------
    FaultyConfigError
        With every fault found.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        faults = tuple(
            Fault(".".join(str(part) for part in item["loc"]) or "(file)", item["msg"])
            for item in error.errors(include_input=False, include_url=False)
        )
        raise FaultyConfigError(file_name, faults) from error


def load(model: type[ModelT], path: Path) -> ModelT:
    """Read and check a TOML file."""
    return parse(model, read_toml(path), path.name)
