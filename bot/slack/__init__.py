"""Slack's side: Bolt listeners that ack at once and hand the work to `commands`."""
