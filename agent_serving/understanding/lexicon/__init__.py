"""Words and weights of the understanding as data files. No code belongs here."""
