"""The version of the zoo that runs: what is installed under its name may be another."""

VERSION = "0.1.0"  # which the distribution takes from here
