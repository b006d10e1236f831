"""Sites: made from a map, checked against images, fetched, and drawn as a calendar."""
