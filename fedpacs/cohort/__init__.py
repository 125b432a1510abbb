"""The sealed store of de-identified studies, its manifest, and splits by patient."""
