"""The hospital half: ingest, round, the executor of Flower tasks."""
