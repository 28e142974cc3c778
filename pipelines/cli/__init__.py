"""The bojagi command. Parses, calls one function, prints."""
