"""The chat that other websites embed: its looks, who may use it, and its visitors."""
