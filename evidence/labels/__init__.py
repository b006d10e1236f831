"""What a user labels or counts by eye, held against what the program finds."""
