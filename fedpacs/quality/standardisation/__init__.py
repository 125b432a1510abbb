"""A site's own names of series turned into codes."""
