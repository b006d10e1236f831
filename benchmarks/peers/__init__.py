"""Other people's programs beside ours, each a process in an environment of its own."""
