"""Where the tracks run in an image: the ruler along which everything is read."""
