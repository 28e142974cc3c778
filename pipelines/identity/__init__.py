"""Charts of identity resolution."""
