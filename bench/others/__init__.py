"""The model order on other engines, each in one file, written as that engine's users would."""
