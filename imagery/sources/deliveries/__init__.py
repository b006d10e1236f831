"""Deliveries of commercial imagery, recognised by their metadata files."""
