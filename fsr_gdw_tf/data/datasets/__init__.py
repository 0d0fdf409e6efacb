"""Loaders of data sets, one file per data set or layout on disk."""
