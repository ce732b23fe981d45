"""How the two sides of a training batch come from noisy views of crops, one file each."""
