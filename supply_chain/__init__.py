"""What the platform is made of: checks of the pinned packages, and the list of them (SBOM)."""
