"""Ports to read and write a PACS, their adapters, and the embedded PACS for demo and tests."""
