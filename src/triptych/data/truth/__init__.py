"""Ground truth from outside, and maps of others in its place: one data set a file."""
