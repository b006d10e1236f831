"""Results for other tools: boxes, styles, and what lies where."""
