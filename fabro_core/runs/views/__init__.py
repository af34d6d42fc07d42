"""What is shown of runs: lists, counts and read models over the stored projections and the log."""
