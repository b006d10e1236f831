"""Scenes looked at side by side: by threads of this process, or by the workers of a Dask cluster."""
