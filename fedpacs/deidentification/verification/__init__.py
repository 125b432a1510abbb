"""Independent verification: what left is held against what came in, by code of its own."""
