"""Stateful fakes and helpers for the tests."""
