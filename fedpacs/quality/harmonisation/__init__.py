"""Harmonisation at a site: sums that leave it, and the map that comes back applied to its data."""
