"""What people work on: cases."""
