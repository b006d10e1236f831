"""From catalogues into a tile folder: what to fetch, what became of it, and what the days hold."""
