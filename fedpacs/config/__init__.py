"""TOML to frozen models, or the list of all faults with their TOML paths."""
