"""Bullhorn: a Slack bot for people on call for BullMQ queues."""

__version__ = "0.1.0"
