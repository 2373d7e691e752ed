"""The demo: everything on this machine. `bullhorn run` knows nothing of it."""
