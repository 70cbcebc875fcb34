"""Configuration, wiring, the pipeline loop, jobs, the command line."""
