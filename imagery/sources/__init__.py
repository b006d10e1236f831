"""The only rooms that know where Scenes come from."""
