"""A person's marks beside the machine's counts."""
