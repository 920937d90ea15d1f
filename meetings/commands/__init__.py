"""The commands of `meetings`, by what they are for."""
