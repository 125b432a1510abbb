"""Faces: which pictures could show one, and how a head in CT, MR or PET loses it."""
