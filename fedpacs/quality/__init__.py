"""Per-series quality control."""
