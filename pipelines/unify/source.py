"""How the builders read a source: bronze rows in the standard form that its contract asks for."""
