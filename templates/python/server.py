"""@@title@@: an MCP server."""

from mcp_stdio import Server

server = Server("@@name@@", "0.1.0")


@server.tool(
    description="Greets somebody by name.",
    properties={"name": {"type": "string", "description": "whom to greet"}},
    required=["name"],
    read_only=True,
)
def greet(name):
    return f"Hello, {name}!"


if __name__ == "__main__":
    server.run()
