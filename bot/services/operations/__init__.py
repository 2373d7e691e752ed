"""Carrying confirmed plans out: long operations that survive a crash and stop when told."""
