"""Keys by URI, keyed pseudonyms, sealing, signatures, PKI: the only home of `cryptography`."""
