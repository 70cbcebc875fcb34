"""Who may see and do what, and what they see of persons."""
