"""Claims held against series: verdicts, the ladder, outside figures."""
