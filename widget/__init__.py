"""The public chat for other websites. Holds no models yet."""
