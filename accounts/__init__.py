"""Users and the credentials they come with."""
