"""The way back, and who may go it: vault of random codes, ephemeral keys, encrypted attributes."""
