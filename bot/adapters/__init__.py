"""The outside: BullMQ's Redis, Bullhorn's own Redis, Slack, and the rest. They satisfy `ports`."""
