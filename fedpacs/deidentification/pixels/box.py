"""A rectangle in a frame, in pixels: what is masked, and what a detector finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """A rectangle in a frame.

    Parameters
    ----------
    x0, y0
        Left column and upper row, px, inside.
    x1, y1
        Right column and lower row, px, exclusive.
    """

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def empty(self) -> bool:
        """Whether it holds no pixel."""
        return self.x1 <= self.x0 or self.y1 <= self.y0

    @property
    def area(self) -> int:
        """Pixels inside."""
        return 0 if self.empty else (self.x1 - self.x0) * (self.y1 - self.y0)

    def within(self, columns: int, rows: int) -> Box:
        """Give the part inside a frame; it may be empty.

        Parameters
        ----------
        columns, rows
            Size of the frame, px.
        """
        return Box(
            min(max(self.x0, 0), columns),
            min(max(self.y0, 0), rows),
            min(max(self.x1, 0), columns),
            min(max(self.y1, 0), rows),
        )

    def grown(self, margin_px: int) -> Box:
        """Give the box with a margin on every side; it may reach out of the frame.

        Parameters
        ----------
        margin_px
            Pixels added on each side.
        """
        return Box(
            self.x0 - margin_px, self.y0 - margin_px, self.x1 + margin_px, self.y1 + margin_px
        )

    def touches(self, other: Box) -> bool:
        """Say whether the two share a pixel.

        Parameters
        ----------
        other
            The other box.
        """
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )

    def joined(self, other: Box) -> Box:
        """Give the smallest box around both.

        Parameters
        ----------
        other
            The other box.
        """
        return Box(
            min(self.x0, other.x0),
            min(self.y0, other.y0),
            max(self.x1, other.x1),
            max(self.y1, other.y1),
        )
