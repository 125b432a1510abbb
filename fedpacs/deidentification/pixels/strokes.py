"""Strokes: rows of glyphs in a picture, found by their shape, without reading them."""

from __future__ import annotations
