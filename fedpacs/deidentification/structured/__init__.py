"""Structured content: reports, annotations, references, documents and bulk data by their role."""
