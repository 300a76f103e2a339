"""Who reaches what, and why: one description of effective access, shown in three forms."""
