"""Policies in simulated worlds whose truth is hidden from them: gain, coverage, null worlds, faulty logs."""
