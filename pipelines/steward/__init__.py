"""Services for a data steward: record that two customers are the same or different, undo an event, explain a match."""
