"""What the documents say is done here: their blocks are executed, their tables compared with the code."""
