"""The sealed package of a run: made, described, verified, computed again."""
