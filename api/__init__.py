"""FastAPI routes; no logic of its own."""
