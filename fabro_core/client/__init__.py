"""What a program on the command line needs to talk to a server: its address, credentials that are kept, requests."""
