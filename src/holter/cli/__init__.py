"""The door: the command line and the Python calls behind it."""
