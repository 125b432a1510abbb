"""The schema of what may travel between a hospital and the consortium."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.core.digest import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """Name and shape of one tensor of a network's state, in state-dict order."""

    name: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class WireSchema:
    """Everything that may be in a message of one job, both ways; nothing else may be.

    All of a network's floating-point state travels packed into **one** flat little-endian
    float32 array named `array_name`: with Flower the number of arrays, not their bytes, is what
    costs time.

    Attributes
    ----------
    parameters
        What the packed array is made of, in order.
    metrics
        Names of the numbers that may accompany an update, sorted.
    """

    parameters: tuple[ParameterSpec, ...]
    metrics: tuple[str, ...]
    array_name: str = "weights"
    dtype: str = "float32"

    @property
    def size(self) -> int:
        """Elements of the packed array."""
        return sum(p.size for p in self.parameters)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed array."""
        return 4 * self.size

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for the digest and for people."""
        return {
            "array_name": self.array_name,
            "dtype": self.dtype,
            "parameters": [[p.name, list(p.shape)] for p in self.parameters],
            "metrics": list(self.metrics),
        }

    @property
    def digest(self) -> str:
        """SHA-256 that an approval names."""
        return digest_of(self.as_dict())

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]], metrics: tuple[str, ...]) -> WireSchema:
        """Build from a network's shapes in state-dict order."""
        parameters = tuple(ParameterSpec(name, tuple(shape)) for name, shape in shapes.items())
        return cls(parameters, tuple(sorted(metrics)))
