"""Picture files, read and written back with all that is in them."""
