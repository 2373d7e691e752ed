"""The web side: health and metrics; `/slack/events` gets its place here in HTTP mode."""
