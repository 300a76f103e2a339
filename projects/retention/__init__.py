"""For how long data is kept, and how it goes. Apps say in `retention.py` what they keep."""
