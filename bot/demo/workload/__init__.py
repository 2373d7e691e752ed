"""The demo's workload: a stand-in Customer Portal with real BullMQ jobs and real workers."""
