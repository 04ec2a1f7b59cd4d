"""One widget each: what every manager is built of."""
