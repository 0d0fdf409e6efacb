"""Detection of label issues: scores and tables, without any HTML."""
