"""What the platform has about a team, as a file for its admins."""
