"""The engine's own DICOM: a flat, quick reader that decodes only what stays, and a writer."""
