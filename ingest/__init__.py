"""Read raw logs and HR files; map them to the field list."""
