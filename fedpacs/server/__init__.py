"""The consortium half: strategy, rounds, model registry; it has never seen an image."""
