"""Numbers only: series, baselines, changes. Nothing here ever sees a pixel."""
