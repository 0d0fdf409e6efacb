"""What is only recorded while a network learns."""
