"""Pixel data: found, looked at, masked where something identified is burned in, and written."""
