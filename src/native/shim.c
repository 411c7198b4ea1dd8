// The first process of a server's container: takes environment, secrets and files from its stdin, where no engine
// records them, starts the server with them and then is its init.
//
//   shim [-wSECONDS] [-tSECONDS] [-n] -- PROGRAM ARGUMENT…
//
//   -t  how long it waits for the block (30; 0: for ever)
//   -w  how long the program may go on by itself once nobody holds the other end of stdin (5)
//   -n  the program gets /dev/null as its stdin, which then only shows whether the gateway lives
//
// The block is "MCPE1 ", eight hexadecimal digits and a newline, then a body of that many bytes. Its records:
//
//   e KEY=VALUE NUL               a variable; it wins over one of the container's own with that name
//   a ARGUMENT NUL                with any of these, they are the program and its arguments
//   f PATH NUL LENGTH CONTENT     a file to be made; the length in eight hexadecimal digits. Only this user may read
//                                 it; when that is root everybody may, since the program may become somebody else
//
// Not a byte behind the block is read: it is the program's. Ends as the program does (128 + signal), or with 125
// when there was no block that could be used, 126 and 127 when the program could not be run. Says on stderr when the
// program was ended because the container's memory was used up.

#include "system.h"

enum {
  BODY_MAX = 4 << 20,
  // More variables or arguments than any program gets; it bounds the search for names that are there twice.
  ENTRIES_MAX = 8192,
  PATH_MAX = 4096,
  SECONDS_MAX = 1000000,
  KILL_AFTER_MS = 2000,
};

enum {BAD_BLOCK = 125, CANNOT_RUN = 126, NOT_FOUND = 127};

enum {O_WRONLY = 1, O_CREAT = 0x40, O_EXCL = 0x80, O_CLOEXEC = 0x80000, O_NONBLOCK = 0x800, AT_FDCWD = -100};

enum {
  SIGHUP = 1,
  SIGINT = 2,
  SIGQUIT = 3,
  SIGKILL = 9,
  SIGUSR1 = 10,
  SIGUSR2 = 12,
  SIGTERM = 15,
  SIGCHLD = 17,
  SIGCONT = 18,
  SIGWINCH = 28,
  SIGNALS = 64,
};

static const u64 ENDING = BIT(SIGTERM) | BIT(SIGINT) | BIT(SIGHUP) | BIT(SIGQUIT);
static const u64 FORWARDED = BIT(SIGTERM) | BIT(SIGINT) | BIT(SIGHUP) | BIT(SIGQUIT) | BIT(SIGUSR1) | BIT(SIGUSR2) |
                             BIT(SIGWINCH) | BIT(SIGCONT);

struct settings {
  u64 grace;
  u64 patience;
  int is_lifeline;
  char **command;
};

static u8 body[BODY_MAX];
static char *environment[ENTRIES_MAX + 1];
static usize environment_length;
static char *arguments[ENTRIES_MAX + 1];
static usize arguments_length;

static NORETURN void refuse(const char *words) {
  say("shim: ");
  say(words);
  give_up(BAD_BLOCK);
}

static void say_error(long error) {
  switch (-error) {
    case ENOENT:
    case ENOTDIR: return say("not found");
    case EPERM:
    case EACCES: return say("permission denied");
    case ENOEXEC: return say("exec format error");
    case E2BIG: return say("environment and arguments are too large");
    case EEXIST: return say("it exists already");
    case ENOSPC: return say("no space left");
    case EROFS: return say("read-only file system");
  }
  say("error ");
  say_number((u64)-error);
}

static NORETURN void cannot(const char *verb, const char *name, long error, int code) {
  say("shim: cannot ");
  say(verb);
  say(" ");
  // A name of any length leaves room for the reason.
  usize length = line_length;
  say(name);
  if (line_length > length + 256) {
    line_length = length + 256;
    say("...");
  }
  say(": ");
  say_error(error);
  give_up(code);
}

// Options

static u64 parse_seconds(const char *text) {
  long seconds = parse_number(text, SECONDS_MAX);
  if (seconds < 0) refuse("-w and -t take a number of seconds");
  return (u64)seconds * 1000;
}

static struct settings parse_options(char **argv) {
  struct settings settings = {5000, 30000, 0, 0};
  for (char **at = argv + 1; *at != 0; at++) {
    const char *option = *at;
    u8 letter = option[0] == '-' ? (u8)option[1] : 0;
    if (letter == 'w') {
      settings.grace = parse_seconds(option + 2);
    } else if (letter == 't') {
      settings.patience = parse_seconds(option + 2);
    } else if (letter == 'n' && option[2] == 0) {
      settings.is_lifeline = 1;
    } else if (letter == '-' && option[2] == 0) {
      settings.command = at + 1;
      return settings;
    } else {
      break;
    }
  }
  refuse("usage: shim [-wSECONDS] [-tSECONDS] [-n] -- PROGRAM ARGUMENT...");
}

// Signals

// Process 1 gets no signal that it does not handle, so all that count are blocked and read from a file descriptor.
// What the starter of this process had ignored must not stay so: with SIGCHLD ignored nobody's end could be seen.
static int open_signals(void) {
  u64 as_always[4] = {0, 0, 0, 0};
  for (int signal = 1; signal <= SIGNALS; signal++) call6(CALL_SIGACTION, signal, (long)as_always, 0, 8, 0, 0);
  // SIGPIPE is blocked only so that a closed stderr does not end the shim.
  u64 set = FORWARDED | BIT(SIGCHLD) | BIT(SIGPIPE);
  block_signals(set);
  long fd = call6(CALL_SIGNALFD4, -1, (long)&set, 8, O_CLOEXEC | O_NONBLOCK, 0, 0);
  if (fd < 0) refuse("the kernel gives no signalfd");
  return (int)fd;
}

// The next signal that arrived, or 0.
static u32 next_signal(int signals) {
  u32 info[32];
  return read(signals, info, sizeof info) == sizeof info ? info[0] : 0;
}

// The block

// Reads exactly `length` bytes, and not one more.
static void read_exactly(u8 *to, usize length, int signals, u64 deadline) {
  struct poll watched[2] = {{0, POLLIN, 0}, {signals, POLLIN, 0}};
  while (length > 0) {
    // Asked anew each time: who sends byte by byte has no more time than others.
    if (deadline != NEVER && now() >= deadline) refuse("no complete block came in time");
    wait_for(watched, 2, deadline);
    if (watched[1].revents) {
      for (u32 signal; (signal = next_signal(signals)) != 0;)
        if (ENDING & BIT(signal)) exit(128 + (int)signal);
    }
    if (watched[0].revents) {
      long count = read(0, to, length);
      if (count == -EINTR || count == -EAGAIN) continue;
      if (count <= 0) refuse("stdin ended before the block was complete");
      to += count;
      length -= (usize)count;
    }
  }
}

static u32 hex_digit(u8 byte) {
  if (byte >= '0' && byte <= '9') return byte - (u32)'0';
  if (byte >= 'a' && byte <= 'f') return byte - (u32)'a' + 10;
  refuse("the block is malformed");
}

// Byte by byte, so that what is no block is refused at its first wrong byte and not when the patience ends.
static usize read_header(int signals, u64 deadline) {
  static const char magic[] = "MCPE1 ";
  u32 length = 0;
  for (usize i = 0; i < 15; i++) {
    u8 byte;
    read_exactly(&byte, 1, signals, deadline);
    if (i >= 6 && i < 14) {
      length = length << 4 | hex_digit(byte);
    } else if (byte != (i < 6 ? (u8)magic[i] : '\n')) {
      refuse("stdin does not begin with a block");
    }
  }
  if (length > BODY_MAX) refuse("the block is too large");
  return length;
}

// What is left of the body.
struct rest {
  u8 *at;
  u8 *end;
};

static char *take_text(struct rest *rest) {
  char *text = (char *)rest->at;
  while (rest->at < rest->end)
    if (*rest->at++ == 0) return text;
  refuse("the block is malformed");
}

static usize take_length(struct rest *rest) {
  u32 length = 0;
  if (rest->end - rest->at < 8) refuse("the block is malformed");
  for (int i = 0; i < 8; i++) length = length << 4 | hex_digit(*rest->at++);
  if (length > (usize)(rest->end - rest->at)) refuse("the block is malformed");
  return length;
}

static int has_same_name(const char *a, const char *b) {
  while (*a == *b && *a != '=' && *a != 0) a++, b++;
  return (*a == '=' || *a == 0) && (*b == '=' || *b == 0);
}

static NORETURN void too_many(void) { cannot("run", "the program", -E2BIG, CANNOT_RUN); }

static void set_variable(char *entry) {
  for (usize i = 0; i < environment_length; i++) {
    if (has_same_name(environment[i], entry)) {
      environment[i] = entry;
      return;
    }
  }
  if (environment_length == ENTRIES_MAX) too_many();
  environment[environment_length++] = entry;
}

static void take_variable(struct rest *rest) {
  char *entry = take_text(rest);
  usize name = 0;
  while (entry[name] != 0 && entry[name] != '=') name++;
  if (name == 0 || entry[name] == 0) refuse("the block is malformed");
  set_variable(entry);
}

static void take_argument(struct rest *rest) {
  char *argument = take_text(rest);
  if (arguments_length == ENTRIES_MAX) too_many();
  arguments[arguments_length++] = argument;
}

// An entrypoint that starts as root and then becomes another user must still be able to read its files. They are in a
// folder of the container's own, so "everybody" is who is in the container.
static int file_mode(void) { return call3(CALL_GETEUID, 0, 0, 0) == 0 ? 0444 : 0400; }

// Nothing that is there already is written to or followed: it could be the server's image that put it there.
static void take_file(struct rest *rest) {
  const char *path = take_text(rest);
  usize length = take_length(rest);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  long fd = call6(CALL_OPENAT, AT_FDCWD, (long)path, flags, file_mode(), 0, 0);
  if (fd < 0) cannot("write", path, fd, BAD_BLOCK);
  long error = write_all((int)fd, rest->at, length);
  if (error < 0) cannot("write", path, error, BAD_BLOCK);
  close((int)fd);
  rest->at += length;
}

static void take_records(usize length) {
  struct rest rest = {body, body + length};
  while (rest.at < rest.end) {
    switch (*rest.at++) {
      case 'e': take_variable(&rest); break;
      case 'a': take_argument(&rest); break;
      case 'f': take_file(&rest); break;
      default: refuse("the block is malformed");
    }
  }
}

// The program

static const char *search_path(void) {
  for (usize i = 0; i < environment_length; i++) {
    const char *entry = environment[i];
    if (has_same_name(entry, "PATH") && entry[4] == '=') return entry + 5;
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static long execute(const char *path, char **command) {
  return call3(CALL_EXECVE, (long)path, (long)command, (long)environment);
}

// As execvp(3) does, but a text file without "#!" is not given to a shell. Comes back only with an error.
static long execute_found(char **command) {
  const char *name = command[0];
  usize length = 0;
  int has_slash = 0;
  for (; name[length] != 0; length++) has_slash |= name[length] == '/';
  if (has_slash || length == 0) return execute(name, command);
  long error = -ENOENT;
  for (const char *folder = search_path();; folder++) {
    char path[PATH_MAX];
    usize at = 0;
    for (; *folder != 0 && *folder != ':'; folder++)
      if (at < PATH_MAX) path[at++] = *folder;
    if (at > 0 && at < PATH_MAX) path[at++] = '/';
    if (at + length < PATH_MAX) {
      memcpy(path + at, name, length + 1);
      long attempt = execute(path, command);
      if (attempt == -EACCES) error = attempt;
      else if (attempt != -ENOENT && attempt != -ENOTDIR) return attempt;
    }
    if (*folder == 0) return error;
  }
}

static NORETURN void run(const struct settings *settings) {
  if (settings->is_lifeline) {
    long fd = call6(CALL_OPENAT, AT_FDCWD, (long)"/dev/null", 0, 0, 0, 0);
    if (fd < 0) cannot("open", "/dev/null", fd, CANNOT_RUN);
    call3(CALL_DUP3, fd, 0, 0);
    close((int)fd);
  }
  block_signals(0);
  long error = execute_found(settings->command);
  cannot("run", settings->command[0], error, error == -ENOENT || error == -ENOTDIR ? NOT_FOUND : CANNOT_RUN);
}

// The life after

// Whether the kernel has ended a process because the container had used up its memory. Who made the container cannot be
// told: the counter goes with it, and not every engine passes it on. Of control groups either version.
static int has_used_up_memory(void) {
  static const char *const counters[2] = {"/sys/fs/cgroup/memory/memory.oom_control", "/sys/fs/cgroup/memory.events"};
  static const char name[] = "\noom_kill ";
  for (usize i = 0; i < 2; i++) {
    long file = call6(CALL_OPENAT, AT_FDCWD, (long)counters[i], O_CLOEXEC, 0, 0, 0);
    if (file < 0) continue;
    long length = read((int)file, body, BODY_MAX - 1);
    close((int)file);
    if (length < 0) continue;
    body[length] = 0;
    for (long at = 0, same = 0; at < length; at++) {
      same = body[at] == (u8)name[same] ? same + 1 : body[at] == '\n';
      if (name[same] == 0) return body[at + 1] >= '1' && body[at + 1] <= '9';
    }
  }
  return 0;
}

// Takes the end of every process that became ours, and ends with the program.
static void reap(long program) {
  for (;;) {
    u32 status;
    long ended = call6(CALL_WAIT4, -1, (long)&status, 1, 0, 0, 0);
    if (ended <= 0) return;
    u32 signal = status & 127;
    if (ended != program) continue;
    if (signal == SIGKILL && has_used_up_memory()) {
      say("shim: the memory of the container is used up");
      give_up(128 + SIGKILL);
    }
    exit(signal != 0 ? 128 + (int)signal : (int)(status >> 8 & 255));
  }
}

static void forward_signals(int signals, long program) {
  for (u32 signal; (signal = next_signal(signals)) != 0;)
    if (FORWARDED & BIT(signal)) call3(CALL_KILL, program, signal, 0);
}

static NORETURN void supervise(int signals, long program, u64 grace) {
  // Whether there is data does not count and none is touched; a hang-up is reported unasked.
  struct poll watched[2] = {{signals, POLLIN, 0}, {0, POLLRDHUP, 0}};
  static const u8 steps[2] = {SIGTERM, SIGKILL};
  usize step = 0;
  u64 deadline = NEVER;
  for (;;) {
    forward_signals(signals, program);
    reap(program);
    wait_for(watched, 2, deadline);
    if (watched[1].revents) {
      watched[1].fd = -1;
      deadline = now() + grace;
    }
    if (deadline != NEVER && now() >= deadline) {
      reap(program);
      call3(CALL_KILL, program, steps[step++], 0);
      deadline = step < sizeof steps ? now() + KILL_AFTER_MS : NEVER;
    }
  }
}

__attribute__((used)) NORETURN void start(char **stack) {
  long count = (long)stack[0];
  char **argv = stack + 1;
  // What is read from now on is in no core dump and not for other processes of this user.
  call3(CALL_PRCTL, 4, 0, 0);
  int signals = open_signals();
  struct settings settings = parse_options(argv);
  u64 deadline = settings.patience == 0 ? NEVER : now() + settings.patience;
  usize length = read_header(signals, deadline);
  read_exactly(body, length, signals, deadline);
  for (char **entry = argv + count + 1; *entry != 0; entry++) set_variable(*entry);
  take_records(length);
  if (arguments_length > 0) settings.command = arguments;
  if (settings.command[0] == 0) refuse("there is no program to run");
  long program = call6(CALL_CLONE, SIGCHLD, 0, 0, 0, 0, 0);
  if (program == 0) run(&settings);
  memset(body, 0, length);
  if (program < 0) cannot("run", "the program", program, CANNOT_RUN);
  // So that what the program closes is closed. stderr is still needed, see has_used_up_memory.
  close(1);
  supervise(signals, program, settings.grace);
}
