"""What can be written in a file, and who provides it: records, hooks, discovery. No torch."""
