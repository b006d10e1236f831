"""Folders of tiles: what lies in them, read from names, headers, STAC Items and cubes."""
