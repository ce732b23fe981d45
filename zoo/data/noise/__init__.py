"""Models of how a noisy copy of an image is drawn, one file each; the contract is in ``base``."""
