"""PS3.15 Annex E as data, compiled profiles, the engine, and an independent verification."""
