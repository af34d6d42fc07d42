"""What a run store is (`base`), what it is asked (`records`), and the reference store (`memory`)."""
