// The network of a container that has none: takes the connections that are made to any of its loopback addresses, and
// carries them, as frames on stdin and stdout, to the gateway, which decides about each. The other way round the
// gateway reaches what listens inside. It holds no secret and no right: who ends or abuses it gains nothing.
//
//   relay [-d] PORT…
//
//   -d  take DNS queries at 127.0.0.53, too
//
// A frame is a type, a zero, a stream (16 bits), a length (32 bits), all little endian, and that many bytes, at most
// 65536. Ends with 0 when stdin ends, with 1 and a line on stderr when it cannot go on.

#include "system.h"

enum frame_type {
  READY = 1,      // from here: all ports listen
  OPEN = 2,       // from here: somebody connected; local address and port in network order
  DATA = 3,       // both
  END = 4,        // both: no more data
  CLOSE = 5,      // both: one byte, 0 = done, 1 = reset; exactly one from each side, its last frame
  CREDIT = 6,     // both: so many more bytes of data may be sent
  CONNECT = 7,    // from the gateway: to this port of 127.0.0.1
  CONNECTED = 8,  // from here; CLOSE when it failed
  QUERY = 9,      // from here: a DNS query; the stream is the asker's slot, 0 to 1023
  ANSWER = 10,    // from the gateway, to the asker in that slot; none is owed, so the oldest makes room when all wait
};

enum {DONE = 0, RESET = 1};

enum {
  HEADER = 8,
  PAYLOAD_MAX = 65536,
  // What each side may send before it is given credit, and so what the other must have room for.
  WINDOW = 65536,
  // Given back in such portions, so that a frame of credit comes with many of data.
  CREDIT_STEP = WINDOW / 2,
  CREDIT_MAX = 0x7fffffff,
  PORTS_MAX = 64,
  BACKLOG = 128,
  TAKEN_STREAMS = 200,
  MADE_STREAMS = 56,
  STREAMS = TAKEN_STREAMS + MADE_STREAMS,
  FIRST_TAKEN = 1,
  FIRST_MADE = 0x8000,
  ASKERS = 1024,
  // Of one turn, so that who asks without end holds up nobody's connection.
  QUERIES_AT_ONCE = 64,
  // Room for about as many small queries as there are askers, as far as the kernel gives it.
  QUERY_BUFFER = 1 << 20,
  DATAGRAM_MAX = 1500,
};

enum {
  AF_INET = 2,
  SOCK_STREAM = 1,
  SOCK_DGRAM = 2,
  // Non-blocking, and not for programs that are started from here.
  SOCK_FLAGS = 0x800 | 0x80000,
  SOL_SOCKET = 1,
  SO_REUSEADDR = 2,
  SO_ERROR = 4,
  SO_RCVBUF = 8,
  SO_LINGER = 13,
  IPPROTO_TCP = 6,
  TCP_NODELAY = 1,
  SHUT_WR = 1,
  MSG_TRUNC = 0x20,
  MSG_NOSIGNAL = 0x4000,
};

// sockaddr_in(7); port and address in network order.
struct address {
  u16 family;
  u8 port[2];
  u8 host[4];
  u8 zero[8];
};

struct stream {
  int fd;
  u8 is_used;
  u8 is_connecting;
  // Towards the gateway.
  u8 has_sent_end;
  u8 has_sent_close;
  u32 credit;
  // From the gateway: what waits for the socket is in the stream's buffer, `length` bytes from `start`, around its end.
  u8 has_end;
  u8 has_close;
  u8 is_shut;
  u32 window;
  u32 start;
  u32 length;
  u32 uncredited;
};

// Who waits for the answer to a DNS query.
struct asker {
  struct address address;
  // Which of all queries it was; 0: nobody waits here.
  u64 query;
};

static struct stream streams[STREAMS];
static u8 buffers[STREAMS][WINDOW];
static u8 frame[HEADER + PAYLOAD_MAX];
static u8 *const payload = frame + HEADER;
static u8 input[2 * (HEADER + PAYLOAD_MAX)];
static usize input_length;
static struct asker askers[ASKERS];
static u64 queries;

// What is watched: stdin, the DNS socket, then the ports, then the streams.
enum {STDIN, DNS, PORTS, FIRST_STREAM = PORTS + PORTS_MAX, WATCHED = FIRST_STREAM + STREAMS};
static struct poll watched[WATCHED];

static NORETURN void fail(const char *words) {
  say("relay: ");
  say(words);
  give_up(1);
}

static NORETURN void no_descriptors(void) { fail("it may not open enough files"); }

// Frames

static u32 read_16(const u8 *at) { return at[0] | (u32)at[1] << 8; }

static u32 read_32(const u8 *at) { return read_16(at) | read_16(at + 2) << 16; }

static void write_16(u8 *at, u32 value) {
  at[0] = (u8)value;
  at[1] = (u8)(value >> 8);
}

static void write_32(u8 *at, u32 value) {
  write_16(at, value);
  write_16(at + 2, value >> 16);
}

// Sends what is in `payload`. It waits for the gateway, which always reads.
static void send_frame(enum frame_type type, u32 id, u32 length) {
  frame[0] = type;
  frame[1] = 0;
  write_16(frame + 2, id);
  write_32(frame + 4, length);
  if (write_all(1, frame, HEADER + length) < 0) fail("the gateway does not read any more");
}

// Streams

static u32 id_of(const struct stream *stream) {
  u32 index = (u32)(stream - streams);
  return index < TAKEN_STREAMS ? FIRST_TAKEN + index : FIRST_MADE + index - TAKEN_STREAMS;
}

static NORETURN void fault(void) { fail("the gateway sent a frame that breaks the rules"); }

static struct stream *stream_of(u32 id) {
  if (id >= FIRST_TAKEN && id < FIRST_TAKEN + TAKEN_STREAMS) return streams + id - FIRST_TAKEN;
  if (id >= FIRST_MADE && id < FIRST_MADE + MADE_STREAMS) return streams + TAKEN_STREAMS + id - FIRST_MADE;
  fault();
}

static void use(struct stream *stream, int fd) {
  memset(stream, 0, sizeof *stream);
  stream->is_used = 1;
  stream->fd = fd;
  stream->credit = WINDOW;
  stream->window = WINDOW;
}

// Our last frame; with the gateway's own the stream may be used again.
static void send_close(struct stream *stream, u8 reason) {
  payload[0] = reason;
  send_frame(CLOSE, id_of(stream), 1);
  stream->has_sent_close = 1;
  if (stream->has_close) stream->is_used = 0;
}

static void finish(struct stream *stream) {
  close(stream->fd);
  send_close(stream, DONE);
}

// The program sees a reset and not an end, which it could take for the end of what it was sent.
static void reset(struct stream *stream) {
  static const u32 at_once[2] = {1, 0};
  call6(CALL_SETSOCKOPT, stream->fd, SOL_SOCKET, SO_LINGER, (long)at_once, sizeof at_once, 0);
  close(stream->fd);
  send_close(stream, RESET);
}

// What follows when everything that the gateway sent has been passed on.
static void settle(struct stream *stream) {
  if (stream->length > 0 || stream->is_connecting) return;
  if (stream->has_close || (stream->has_end && stream->has_sent_end)) {
    finish(stream);
  } else if (stream->has_end && !stream->is_shut) {
    stream->is_shut = 1;
    call3(CALL_SHUTDOWN, stream->fd, SHUT_WR, 0);
  }
}

static void give_credit(struct stream *stream) {
  if (stream->uncredited < CREDIT_STEP || stream->has_end || stream->has_close) return;
  write_32(payload, stream->uncredited);
  send_frame(CREDIT, id_of(stream), 4);
  stream->window += stream->uncredited;
  stream->uncredited = 0;
}

// Passes on what the socket takes of what the gateway sent.
static void flush(struct stream *stream) {
  while (stream->length > 0) {
    u32 to_end = WINDOW - stream->start;
    u32 count = stream->length < to_end ? stream->length : to_end;
    const u8 *from = buffers[stream - streams] + stream->start;
    long sent = call6(CALL_SENDTO, stream->fd, (long)from, count, MSG_NOSIGNAL, 0, 0);
    if (sent == -EAGAIN || sent == -EINTR) break;
    if (sent < 0) return reset(stream);
    stream->start = (stream->start + (u32)sent) % WINDOW;
    stream->length -= (u32)sent;
    stream->uncredited += (u32)sent;
  }
  // From the front again, so that a stream with little to carry touches little memory.
  if (stream->length == 0) stream->start = 0;
  give_credit(stream);
  settle(stream);
}

// Passes on what the socket has, as far as the gateway takes it.
static void pump(struct stream *stream) {
  u32 most = stream->credit < PAYLOAD_MAX ? stream->credit : PAYLOAD_MAX;
  long count = read(stream->fd, payload, most);
  if (count == -EAGAIN || count == -EINTR) return;
  if (count < 0) return reset(stream);
  if (count > 0) {
    stream->credit -= (u32)count;
    return send_frame(DATA, id_of(stream), (u32)count);
  }
  stream->has_sent_end = 1;
  send_frame(END, id_of(stream), 0);
  settle(stream);
}

static int is_alive(const struct stream *stream) { return stream->is_used && !stream->has_sent_close; }

static int takes_data(const struct stream *stream) {
  return !stream->has_sent_end && !stream->has_close && stream->credit > 0;
}

static void finish_connecting(struct stream *stream) {
  u32 error = 0;
  u32 size = sizeof error;
  call6(CALL_GETSOCKOPT, stream->fd, SOL_SOCKET, SO_ERROR, (long)&error, (long)&size, 0);
  if (error != 0) return reset(stream);
  stream->is_connecting = 0;
  send_frame(CONNECTED, id_of(stream), 0);
  flush(stream);
}

static void serve(struct stream *stream, u32 events) {
  if (stream->is_connecting) return finish_connecting(stream);
  if (stream->length > 0) flush(stream);
  if (!is_alive(stream)) return;
  if (takes_data(stream)) {
    if (events & (POLLIN | POLLHUP | POLLERR)) pump(stream);
  } else if (events & (POLLHUP | POLLERR)) {
    reset(stream);
  }
}

// What one stream waits for. A hang-up is reported unasked and again and again, so who cannot do anything about it,
// for want of credit, is not watched.
static void watch_stream(struct stream *stream, struct poll *watch) {
  watch->fd = -1;
  watch->events = 0;
  if (!is_alive(stream)) return;
  if (stream->is_connecting || stream->length > 0) watch->events |= POLLOUT;
  if (!stream->is_connecting && takes_data(stream)) watch->events |= POLLIN;
  if (watch->events != 0 || stream->has_sent_end) watch->fd = stream->fd;
}

// Ports

static long open_socket(long type) { return call3(CALL_SOCKET, AF_INET, type | SOCK_FLAGS, 0); }

static void set_option(long fd, long level, long option, u32 value) {
  call6(CALL_SETSOCKOPT, fd, level, option, (long)&value, sizeof value, 0);
}

static void set_flag(long fd, long level, long option) { set_option(fd, level, option, 1); }

static void set_port(struct address *address, u32 port) {
  address->family = AF_INET;
  address->port[0] = (u8)(port >> 8);
  address->port[1] = (u8)port;
}

static int bound_socket(long type, const struct address *address) {
  long fd = open_socket(type);
  // Connections of an earlier relay may still linger. For UDP it would let two share the port.
  if (type == SOCK_STREAM) set_flag(fd, SOL_SOCKET, SO_REUSEADDR);
  long error = fd < 0 ? fd : call3(CALL_BIND, fd, (long)address, sizeof *address);
  if (error >= 0 && type == SOCK_STREAM) error = call3(CALL_LISTEN, fd, BACKLOG, 0);
  if (error >= 0) return (int)fd;
  say("relay: port ");
  say_number((u32)address->port[0] << 8 | address->port[1]);
  if (error == -EADDRINUSE) {
    say(" is taken");
  } else {
    say(" cannot be listened on: error ");
    say_number((u64)-error);
  }
  give_up(1);
}

static int listen_on(u32 port) {
  struct address address = {0};
  set_port(&address, port);
  int fd = bound_socket(SOCK_STREAM, &address);
  // Inherited by each connection. What is small must not wait for more: it was sent as it is.
  set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
  return fd;
}

static struct stream *free_stream(void) {
  for (usize i = 0; i < TAKEN_STREAMS; i++)
    if (!streams[i].is_used) return streams + i;
  return 0;
}

// Takes the connections that wait, as long as there are streams for them; the others go on waiting.
static void accept_from(int port) {
  for (struct stream *stream; (stream = free_stream()) != 0;) {
    long fd = call6(CALL_ACCEPT4, port, 0, 0, SOCK_FLAGS, 0, 0);
    if (fd == -EMFILE || fd == -ENFILE) no_descriptors();
    if (fd < 0) return;
    struct address local;
    u32 size = sizeof local;
    call3(CALL_GETSOCKNAME, fd, (long)&local, (long)&size);
    use(stream, (int)fd);
    memcpy(payload, local.host, 4);
    memcpy(payload + 4, local.port, 2);
    send_frame(OPEN, id_of(stream), 6);
  }
}

// DNS

static int listen_for_queries(void) {
  struct address address = {.host = {127, 0, 0, 53}};
  set_port(&address, 53);
  int fd = bound_socket(SOCK_DGRAM, &address);
  set_option(fd, SOL_SOCKET, SO_RCVBUF, QUERY_BUFFER);
  return fd;
}

// One where nobody waits or, when there is none, the one that has waited longest: most likely in vain.
static struct asker *free_asker(void) {
  struct asker *oldest = askers;
  for (usize i = 1; i < ASKERS; i++)
    if (askers[i].query < oldest->query) oldest = askers + i;
  return oldest;
}

// Gives 0 when there was none.
static int take_query(int dns) {
  struct address address;
  u32 size = sizeof address;
  long length = call6(CALL_RECVFROM, dns, (long)payload, DATAGRAM_MAX, MSG_TRUNC, (long)&address, (long)&size);
  if (length < 0) return 0;
  if (length == 0 || length > DATAGRAM_MAX) return 1;
  struct asker *asker = free_asker();
  asker->address = address;
  asker->query = ++queries;
  send_frame(QUERY, (u32)(asker - askers), (u32)length);
  return 1;
}

static void take_queries(int dns) {
  for (usize i = 0; i < QUERIES_AT_ONCE && take_query(dns); i++);
}

static void take_answer(u32 slot, const u8 *answer, u32 length) {
  if (slot >= ASKERS || length == 0 || length > DATAGRAM_MAX || watched[DNS].fd < 0) fault();
  struct asker *asker = askers + slot;
  if (asker->query == 0) return;
  const struct address *address = &asker->address;
  call6(CALL_SENDTO, watched[DNS].fd, (long)answer, length, MSG_NOSIGNAL, (long)address, sizeof *address);
  asker->query = 0;
}

// Frames from the gateway

static void take_data(struct stream *stream, const u8 *data, u32 length) {
  if (length == 0 || length > stream->window || stream->has_end) fault();
  stream->window -= length;
  u8 *buffer = buffers[stream - streams];
  u32 at = (stream->start + stream->length) % WINDOW;
  u32 first = length < WINDOW - at ? length : WINDOW - at;
  memcpy(buffer + at, data, first);
  memcpy(buffer, data + first, length - first);
  stream->length += length;
  if (!stream->is_connecting) flush(stream);
}

static void take_end(struct stream *stream, u32 length) {
  if (length != 0 || stream->has_end) fault();
  stream->has_end = 1;
  settle(stream);
}

static void take_credit(struct stream *stream, const u8 *data, u32 length) {
  if (length != 4 || read_32(data) > CREDIT_MAX - stream->credit) fault();
  stream->credit += read_32(data);
}

static void take_close(struct stream *stream, const u8 *data, u32 length) {
  if (length != 1 || data[0] > RESET) fault();
  stream->has_close = 1;
  if (stream->has_sent_close) {
    stream->is_used = 0;
  } else if (data[0] == RESET || stream->is_connecting) {
    reset(stream);
  } else {
    settle(stream);
  }
}

static void take_connect(u32 id, const u8 *data, u32 length) {
  struct stream *stream = stream_of(id);
  if (id < FIRST_MADE || length != 2 || stream->is_used) fault();
  struct address address = {.host = {127, 0, 0, 1}};
  set_port(&address, read_16(data));
  long fd = open_socket(SOCK_STREAM);
  use(stream, (int)fd);
  if (fd < 0) return send_close(stream, RESET);
  set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
  long error = call3(CALL_CONNECT, fd, (long)&address, sizeof address);
  if (error < 0 && error != -EINPROGRESS) return reset(stream);
  // Connected or not yet, the next turn of the loop tells.
  stream->is_connecting = 1;
}

static void take_stream_frame(u32 type, u32 id, const u8 *data, u32 length) {
  struct stream *stream = stream_of(id);
  if (type < DATA || type > CREDIT) fault();
  // Left over from before it had our last frame. Only its own last frame counts.
  if (!stream->is_used || (stream->has_sent_close && type != CLOSE)) return;
  if (stream->has_close) fault();
  switch (type) {
    case DATA: return take_data(stream, data, length);
    case END: return take_end(stream, length);
    case CREDIT: return take_credit(stream, data, length);
    default: return take_close(stream, data, length);
  }
}

static void take_frame(u32 type, u32 id, const u8 *data, u32 length) {
  if (type == CONNECT) take_connect(id, data, length);
  else if (type == ANSWER) take_answer(id, data, length);
  else take_stream_frame(type, id, data, length);
}

// Takes the frames that are complete and keeps the rest for the next time.
static void take_input(void) {
  long count = read(0, input + input_length, sizeof input - input_length);
  if (count == -EAGAIN || count == -EINTR) return;
  if (count <= 0) exit(0);
  input_length += (usize)count;
  const u8 *at = input;
  const u8 *end = input + input_length;
  while (end - at >= HEADER) {
    u32 length = read_32(at + 4);
    if (at[1] != 0 || length > PAYLOAD_MAX) fault();
    if ((usize)(end - at) < HEADER + length) break;
    take_frame(at[0], read_16(at + 2), at + HEADER, length);
    at += HEADER + length;
  }
  input_length = (usize)(end - at);
  memcpy(input, at, input_length);
}

static usize listen_to_all(char **argv) {
  usize ports = 0;
  for (char **at = argv + 1; *at != 0; at++) {
    const char *option = *at;
    if (option[0] == '-' && option[1] == 'd' && option[2] == 0) {
      watched[DNS].fd = listen_for_queries();
      continue;
    }
    long port = parse_number(option, 65535);
    if (port <= 0 || ports == PORTS_MAX) fail("usage: relay [-d] PORT..., at most 64 of them");
    watched[PORTS + ports++].fd = listen_on((u32)port);
  }
  return ports;
}

__attribute__((used)) NORETURN void start(char **stack) {
  // So that a gateway that has gone is an error of the next frame, and the end of stdin can still be seen.
  block_signals(BIT(SIGPIPE));
  for (usize i = 1; i < WATCHED; i++) watched[i].fd = -1;
  for (usize i = 0; i < FIRST_STREAM; i++) watched[i].events = POLLIN;
  usize ports = listen_to_all(stack + 1);
  send_frame(READY, 0, 0);
  for (;;) {
    u16 accepts = free_stream() != 0 ? POLLIN : 0;
    for (usize i = 0; i < ports; i++) watched[PORTS + i].events = accepts;
    for (usize i = 0; i < STREAMS; i++) watch_stream(streams + i, watched + FIRST_STREAM + i);
    long ready = wait_for(watched, WATCHED, NEVER);
    if (ready < 0 && ready != -EINTR) no_descriptors();
    for (usize i = 0; i < STREAMS; i++)
      if (watched[FIRST_STREAM + i].revents) serve(streams + i, watched[FIRST_STREAM + i].revents);
    if (watched[DNS].revents) take_queries(watched[DNS].fd);
    for (usize i = 0; i < ports; i++)
      if (watched[PORTS + i].revents & POLLIN) accept_from(watched[PORTS + i].fd);
    if (watched[STDIN].revents) take_input();
  }
}
