"""Minutes of a meeting: drafted from its log, edited as paragraphs, approved, filed in the register."""
