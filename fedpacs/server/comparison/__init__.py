"""Sites compared by what they released: distances, shifts, harmonisation, a page to read."""
