"""The last look, by a person: a contact sheet of a random sample, and the signed verdict on it."""
