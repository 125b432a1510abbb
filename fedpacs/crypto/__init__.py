"""Keys by URI, keyed pseudonyms, sealing at rest, signatures, PKI: the only home of `cryptography`."""
