"""The files of the chat page: one HTML page, its style and its script. They load nothing from elsewhere."""
