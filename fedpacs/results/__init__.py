"""Results as DICOM objects that radiologists already know how to open."""
