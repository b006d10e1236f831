"""What is there: counts, occupied track and goods, each with an interval."""
