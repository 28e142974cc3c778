"""What a data steward does: names two people, decides, reverts, and asks why two people are one."""
