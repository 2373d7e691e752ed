"""The parts of the REST API that Bullhorn uses: orders one by one and many, queries, limits."""

from typing import Any

from aiohttp import web

from bot.demo.localsalesforce.faults import error
from bot.demo.localsalesforce.orders import (
    ERROR,
    ERROR_TIME,
    OBJECT,
    STATUS,
    VALUES,
    OrderBook,
)

DAY = 15_000
_COLLECTION = 200
_FIELDS = ("Id", STATUS, ERROR, ERROR_TIME, "LastModifiedDate")


class Rest:
    """Handlers over an order book; `used` counts the day's requests out of `day`."""

    def __init__(self, book: OrderBook) -> None:
        self.book = book
        self.used = 0
        self.day = DAY
        self.hidden: set[str] = set()
        self.read_only: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        """All under /services/data/v62.0/."""
        base = "/services/data/{version}"
        return [
            web.get(f"{base}/limits/", self.limits),
            web.get(f"{base}/query/", self.query),
            web.get(f"{base}/sobjects/{{object}}/describe", self.describe),
            web.get(f"{base}/sobjects/{{object}}/{{id}}", self.get),
            web.patch(f"{base}/sobjects/{{object}}/{{id}}", self.patch),
            web.post(f"{base}/composite/sobjects/{{object}}", self.get_many),
            web.patch(f"{base}/composite/sobjects", self.patch_many),
        ]

    async def limits(self, _request: web.Request) -> web.Response:
        """What is left of the day's requests."""
        day = {"Max": self.day, "Remaining": max(0, self.day - self.used)}
        return web.json_response({"DailyApiRequests": day})

    async def query(self, request: web.Request) -> web.Response:
        """The one form of query there is."""
        try:
            records = self.book.select(request.query["q"])
        except (KeyError, ValueError) as problem:
            return error(400, "MALFORMED_QUERY", str(problem))
        return web.json_response({"totalSize": len(records), "done": True, "records": records})

    async def describe(self, request: web.Request) -> web.Response:
        """The object's fields, as far as the user sees them."""
        if request.match_info["object"] != OBJECT:
            return _missing()
        values = [{"value": value, "active": True} for value in VALUES]
        fields = [
            {
                "name": name,
                "updateable": name not in {"Id", "LastModifiedDate"} | self.read_only,
                "picklistValues": values if name == STATUS else [],
            }
            for name in _FIELDS
            if name not in self.hidden
        ]
        return web.json_response({"name": OBJECT, "updateable": True, "fields": fields})

    async def get(self, request: web.Request) -> web.Response:
        """One order."""
        order = self._named(request)
        if order is None:
            return _missing()
        return web.json_response(order.shown(list(_FIELDS)))

    async def patch(self, request: web.Request) -> web.Response:
        """Change one order."""
        order = self._named(request)
        if order is None:
            return _missing()
        problem = self.book.change(order.id, await request.json())
        if problem is not None:
            return error(400, problem["statusCode"], problem["message"])
        return web.Response(status=204)

    async def get_many(self, request: web.Request) -> web.Response:
        """Orders in the sequence of their ids, null for those that are not there."""
        body = await request.json()
        if request.match_info["object"] != OBJECT:
            return _missing()
        unknown = [name for name in body["fields"] if name not in _FIELDS or name in self.hidden]
        if unknown:
            return error(400, "INVALID_FIELD", f"No such column '{unknown[0]}' on {OBJECT}")
        orders = [self.book.find(order_id) for order_id in body["ids"]]
        shown = [order.shown(body["fields"]) if order else None for order in orders]
        return web.json_response(shown)

    async def patch_many(self, request: web.Request) -> web.Response:
        """Change up to 200 orders, each for itself."""
        body = await request.json()
        records = body["records"]
        if len(records) > _COLLECTION or body["allOrNone"]:
            return error(400, "EXCEEDED_MAX_SIZE_REQUEST", "record limit reached")
        return web.json_response([self._change(record) for record in records])

    def _change(self, record: dict[str, Any]) -> dict[str, Any]:
        kind, order_id = record.pop("attributes")["type"], record.pop("id")
        problem = self.book.change(order_id, record)
        if kind != OBJECT or problem is not None:
            return {"id": order_id, "success": False, "errors": [problem]}
        return {"id": order_id, "success": True, "errors": []}

    def _named(self, request: web.Request) -> Any:
        if request.match_info["object"] != OBJECT:
            return None
        return self.book.find(request.match_info["id"])


def _missing() -> web.Response:
    return error(404, "NOT_FOUND", "The requested resource does not exist")
