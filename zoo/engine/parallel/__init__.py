"""One batch on several ranks: shards, threads that compute them, and what they ask each other."""
