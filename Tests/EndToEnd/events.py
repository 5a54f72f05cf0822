"""Server-sent events, read as the standard says (WHATWG HTML, section 9.2.6)."""

import http.client
import json
from dataclasses import dataclass


@dataclass
class Event:
    """One event."""

    id: str
    name: str
    data: str

    @property
    def json(self):
        return json.loads(self.data)


class Events:
    """A client's stream of events, an iterator that ends with the connection."""

    def __init__(self, gateway, path, after=None, **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
        fields = {"Accept": "text/event-stream", **headers}
        if after is not None:
            fields["Last-Event-ID"] = after
        self.connection.request("GET", path, headers=fields)
        self.response = self.connection.getresponse()
        self.status, self.headers = self.response.status, self.response.headers
        self.comments = 0
        self.last = after
        self.retry = None

    def __enter__(self):
        assert self.status == 200, self.response.read()
        assert self.headers.get_content_type() == "text/event-stream"
        return self

    def __exit__(self, *_):
        self.connection.close()

    def __iter__(self):
        name, data = "", []
        while line := self.response.readline():
            line = line.decode().rstrip("\n")
            if not line:
                if data:
                    yield Event(self.last, name, "\n".join(data))
                name, data = "", []
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not field:
                self.comments += 1
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                self.last = value
            elif field == "retry":
                self.retry = int(value)

    def take(self, count):
        """The next events."""
        events = iter(self)
        return [next(events) for _ in range(count)]

    def until(self, condition):
        """The first event for which the condition holds."""
        return next(event for event in self if condition(event))
