"""What processes tell each other of judging."""

TROUBLE = "judging_trouble"
"""The setting that says why what is marked cannot be judged, in words for the log; empty where it can."""
