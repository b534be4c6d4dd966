"""What producers and subscribers of other languages build upon, held against what the program does."""
