/* The smallest MCP server over stdio: what is left of a start or a call is the container's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* The gateway writes a request's id as a number, behind the first "id": of the line. */
static void answer(const char *line) {
  const char *id = strstr(line, "\"id\":");
  const char *result = "{}";
  static int calls = 0;
  char weather[128];
  char text[1024];
  int length;
  if (!id) return;
  if (strstr(line, "\"method\":\"initialize\"")) {
    result = "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{\"tools\":{}},"
             "\"serverInfo\":{\"name\":\"tiny\",\"version\":\"1\"}}";
  } else if (strstr(line, "\"method\":\"tools/list\"")) {
    result = "{\"tools\":[{\"name\":\"weather\",\"inputSchema\":{\"type\":\"object\"}}]}";
  } else if (strstr(line, "\"method\":\"tools/call\"")) {
    snprintf(weather, sizeof weather,
             "{\"content\":[{\"type\":\"text\",\"text\":\"the weather in Paris is fine, call %d\"}]}", ++calls);
    result = weather;
  }
  length = snprintf(text, sizeof text, "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":%s}\n",
                    atoi(id + strlen("\"id\":")), result);
  if (write(1, text, (size_t)length) != length) exit(1);
}

int main(void) {
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, stdin) > 0) answer(line);
  return 0;
}
