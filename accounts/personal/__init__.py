"""What the platform has about a person, as a file for them alone."""
