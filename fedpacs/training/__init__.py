"""MONAI networks, preparation, trainer and evaluation; knows no DICOM identity and no network."""
