"""Settings searched: many runs of one config, held against known figures."""
