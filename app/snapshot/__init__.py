"""Volume snapshot providers, and the choice between them."""
