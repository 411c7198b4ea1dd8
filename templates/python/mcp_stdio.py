"""MCP over stdio with the standard library alone: tools, in the protocol's revisions that begin with `initialize`.

stdout carries the protocol; write to stderr what people should read.
"""

import json
import sys
import traceback

VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")

INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
PARSE_ERROR = -32700


class Refused(Exception):
    """A request that gets an error for an answer."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Server:
    def __init__(self, name, version):
        self.info = {"name": name, "version": version}
        self.tools = {}

    def tool(self, description, properties, required=(), read_only=False):
        """Makes a tool of a function: its parameters are the properties, what it returns is shown as text."""

        def register(function):
            schema = {"type": "object", "properties": properties, "required": list(required)}
            listed = {
                "name": function.__name__,
                "description": description,
                "inputSchema": schema,
                "annotations": {"readOnlyHint": read_only},
            }
            self.tools[function.__name__] = (function, listed)
            return function

        return register

    def run(self):
        """Answers until stdin ends."""
        for line in sys.stdin.buffer:
            answer = self.receive(line)
            if answer is not None:
                print(json.dumps(answer), flush=True)

    def receive(self, line):
        try:
            message = json.loads(line)
        except ValueError:
            return failure(None, PARSE_ERROR, "the line is not JSON")
        if not isinstance(message, dict):
            return failure(None, INVALID_REQUEST, "the message is not an object")
        if "id" not in message or "method" not in message:
            return None
        try:
            result = self.answer(message["method"], message.get("params") or {})
        except Refused as refused:
            return failure(message["id"], refused.code, str(refused))
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def answer(self, method, params):
        if method == "initialize":
            asked = params.get("protocolVersion")
            version = asked if asked in VERSIONS else VERSIONS[0]
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": self.info}
        if method == "ping":
            return {}
        if method == "tools/list":
            return {"tools": [listed for _, listed in self.tools.values()]}
        if method == "tools/call":
            return self.call(params)
        raise Refused(METHOD_NOT_FOUND, f"Method not found: {method}")

    def call(self, params):
        function, _ = self.tools.get(params.get("name"), (None, None))
        if function is None:
            raise Refused(INVALID_PARAMS, f"Unknown tool: {params.get('name')}")
        try:
            text, is_error = str(function(**(params.get("arguments") or {}))), False
        except Exception as error:
            traceback.print_exc()
            text, is_error = str(error), True
        return {"content": [{"type": "text", "text": text}], "isError": is_error}


def failure(request, code, message):
    return {"jsonrpc": "2.0", "id": request, "error": {"code": code, "message": message}}
