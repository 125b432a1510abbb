"""What an ingest is made of: when and how fast, what is due, who works, what went wrong."""
