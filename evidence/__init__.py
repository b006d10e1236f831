"""What is said: claims, verdicts, the report and the command line."""
