"""Free text: the object's own terms, patterns, Presidio and the medical vocabulary."""
