"""Sessions of browsers: a signed cookie that stands for a row, and ends with it."""
