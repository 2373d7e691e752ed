"""A Salesforce that runs on this machine: three logins, orders, and the flow that publishes events.

The bot talks to it exactly as it talks to Salesforce; the demo and the tests use it.
"""

from bot.demo.localsalesforce.orders import OrderBook, OrderRecord
from bot.demo.localsalesforce.server import LocalSalesforce

__all__ = ["LocalSalesforce", "OrderBook", "OrderRecord"]
