"""Platform settings: kept, shown and changed in one place, as the sections of the apps declare."""
