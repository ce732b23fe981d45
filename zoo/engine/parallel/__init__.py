"""One batch on several ranks: shards, the threads that compute them, and what they ask each other."""
