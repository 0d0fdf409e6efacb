"""Files, run folders and the terminal."""
