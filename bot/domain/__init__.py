"""What Bullhorn knows: queues, samples, rules, incidents, plans. Pure: no I/O, no clock."""
