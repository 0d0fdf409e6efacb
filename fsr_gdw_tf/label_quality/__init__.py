"""Which labels are probably wrong: numbers, no pages."""
