"""One file per data set or layout on disk."""
