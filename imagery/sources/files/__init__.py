"""One raster file: opened, guarded, and the one writer."""
