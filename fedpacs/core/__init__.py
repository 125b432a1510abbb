"""The frozen types that travel, PS3.15 codes, decisions and the error tree."""
