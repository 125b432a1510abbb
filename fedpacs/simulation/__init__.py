"""Phantom patients, simulated hospitals and the demo."""
