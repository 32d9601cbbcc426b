"""The parts of a cluster, one package each, and the supervisor that runs them."""
