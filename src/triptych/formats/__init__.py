"""Files of exact, documented formats, read and written."""
