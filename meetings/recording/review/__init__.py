"""Review of a meeting: the recording beside its minutes, who spoke when, and whether every file is whole."""
