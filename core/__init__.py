"""Values, the field list, ports and errors. No I/O; imports nothing of ours."""
