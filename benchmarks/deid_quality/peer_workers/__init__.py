"""Scripts that run inside a peer's own virtual environment; nothing here is imported."""
