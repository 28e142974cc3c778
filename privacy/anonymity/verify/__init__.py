"""The independent check of a released table. It shares no code with the search."""
