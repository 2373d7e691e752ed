"""Use cases. They know the domain and the ports, no adapter and no rendering."""
