// Linux as both programs see it: raw system calls, no C library, no headers. A static program with a C library is two
// hundred times as large, and these two travel inside the gateway's JavaScript.
//
// Numbers and layouts are those of the kernel's user interface for amd64 and arm64, both 64 bit and little endian.
// A system call gives a negative error number when it fails.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef unsigned long usize;

#define NORETURN __attribute__((noreturn))

enum {
  EPERM = 1,
  ENOENT = 2,
  EINTR = 4,
  E2BIG = 7,
  ENOEXEC = 8,
  EAGAIN = 11,
  EACCES = 13,
  EEXIST = 17,
  ENOTDIR = 20,
  ENFILE = 23,
  EMFILE = 24,
  ENOSPC = 28,
  EROFS = 30,
  EADDRINUSE = 98,
  EINPROGRESS = 115,
};

enum {POLLIN = 1, POLLOUT = 4, POLLERR = 8, POLLHUP = 16, POLLRDHUP = 0x2000};

struct poll {
  int fd;
  u16 events;
  u16 revents;
};

#if defined(__x86_64__)

enum {
  CALL_READ = 0,
  CALL_WRITE = 1,
  CALL_CLOSE = 3,
  CALL_SIGACTION = 13,
  CALL_SIGPROCMASK = 14,
  CALL_SOCKET = 41,
  CALL_CONNECT = 42,
  CALL_SENDTO = 44,
  CALL_RECVFROM = 45,
  CALL_SHUTDOWN = 48,
  CALL_BIND = 49,
  CALL_LISTEN = 50,
  CALL_GETSOCKNAME = 51,
  CALL_SETSOCKOPT = 54,
  CALL_GETSOCKOPT = 55,
  CALL_CLONE = 56,
  CALL_EXECVE = 59,
  CALL_WAIT4 = 61,
  CALL_KILL = 62,
  CALL_GETEUID = 107,
  CALL_PRCTL = 157,
  CALL_CLOCK_GETTIME = 228,
  CALL_EXIT_GROUP = 231,
  CALL_OPENAT = 257,
  CALL_PPOLL = 271,
  CALL_ACCEPT4 = 288,
  CALL_SIGNALFD4 = 289,
  CALL_DUP3 = 292,
};

enum {O_NOFOLLOW = 0x20000};

static inline long call3(long number, long a, long b, long c) {
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}

static inline long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

// The kernel leaves argument count, arguments and environment at the top of the stack.
__asm__(".text\n.globl _start\n_start:\nxor %ebp, %ebp\nmov %rsp, %rdi\nand $-16, %rsp\ncall start\n");

#elif defined(__aarch64__)

enum {
  CALL_DUP3 = 24,
  CALL_OPENAT = 56,
  CALL_CLOSE = 57,
  CALL_READ = 63,
  CALL_WRITE = 64,
  CALL_PPOLL = 73,
  CALL_SIGNALFD4 = 74,
  CALL_EXIT_GROUP = 94,
  CALL_CLOCK_GETTIME = 113,
  CALL_KILL = 129,
  CALL_SIGACTION = 134,
  CALL_SIGPROCMASK = 135,
  CALL_PRCTL = 167,
  CALL_GETEUID = 175,
  CALL_SOCKET = 198,
  CALL_BIND = 200,
  CALL_LISTEN = 201,
  CALL_CONNECT = 203,
  CALL_GETSOCKNAME = 204,
  CALL_SENDTO = 206,
  CALL_RECVFROM = 207,
  CALL_SETSOCKOPT = 208,
  CALL_GETSOCKOPT = 209,
  CALL_SHUTDOWN = 210,
  CALL_CLONE = 220,
  CALL_EXECVE = 221,
  CALL_ACCEPT4 = 242,
  CALL_WAIT4 = 260,
};

enum {O_NOFOLLOW = 0x8000};

static inline long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}

static inline long call3(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}

__asm__(".text\n.globl _start\n_start:\nmov x29, #0\nmov x30, #0\nmov x0, sp\nbl start\n");

#else
#error "there is no shim for this architecture"
#endif

// The compiler calls these two by name wherever it likes, so they must exist. This memcpy goes upwards, byte by byte:
// it may also move bytes down within one buffer.
__attribute__((used)) void *memcpy(void *to, const void *from, usize length) {
  u8 *target = to;
  const u8 *source = from;
  while (length-- > 0) *target++ = *source++;
  return to;
}

__attribute__((used)) void *memset(void *to, int value, usize length) {
  u8 *target = to;
  while (length-- > 0) *target++ = (u8)value;
  return to;
}

static inline long read(int fd, void *to, usize length) { return call3(CALL_READ, fd, (long)to, (long)length); }

static inline long close(int fd) { return call3(CALL_CLOSE, fd, 0, 0); }

static inline NORETURN void exit(int code) {
  for (;;) call3(CALL_EXIT_GROUP, code, 0, 0);
}

#define BIT(signal) (1UL << ((signal) - 1))

enum {SIGPIPE = 13};

// Signals of this set wait from now on, and no other does.
static inline void block_signals(u64 set) { call6(CALL_SIGPROCMASK, 2, (long)&set, 0, sizeof set, 0, 0); }

// Milliseconds of a clock that nobody sets.
static inline u64 now(void) {
  u64 time[2];
  call3(CALL_CLOCK_GETTIME, 1, (long)time, 0);
  return time[0] * 1000 + time[1] / 1000000;
}

#define NEVER (~0UL)

// Waits until one of them is ready or the clock shows `deadline`. Gives their number or the error; what is interrupted
// has nothing to report.
static long wait_for(struct poll *watched, usize count, u64 deadline) {
  u64 timeout[2] = {0, 0};
  if (deadline != NEVER) {
    u64 time = now();
    u64 rest = deadline > time ? deadline - time : 0;
    timeout[0] = rest / 1000;
    timeout[1] = rest % 1000 * 1000000;
  }
  long limit = deadline == NEVER ? 0 : (long)timeout;
  long ready = call6(CALL_PPOLL, (long)watched, (long)count, limit, 0, 0, 0);
  if (ready < 0)
    for (usize i = 0; i < count; i++) watched[i].revents = 0;
  return ready;
}

// Writes everything, also to something that does not block. Gives 0 or the error.
static long write_all(int fd, const void *from, usize length) {
  const u8 *at = from;
  while (length > 0) {
    long written = call3(CALL_WRITE, fd, (long)at, (long)length);
    if (written == -EAGAIN) {
      struct poll wait = {fd, POLLOUT, 0};
      wait_for(&wait, 1, NEVER);
    } else if (written >= 0) {
      at += written;
      length -= (usize)written;
    } else if (written != -EINTR) {
      return written;
    }
  }
  return 0;
}

// The one line that a program says before it gives up, put together here so that it leaves in one piece.
static char line[512];
static usize line_length;

static void say(const char *text) {
  // What is named may come from anywhere: it must neither break the line nor overrun it.
  for (; *text != 0 && line_length < sizeof line - 1; text++) {
    u8 byte = (u8)*text;
    line[line_length++] = byte < ' ' || byte == 127 ? '?' : (char)byte;
  }
}

static void say_number(u64 number) {
  char digits[21];
  char *at = digits + sizeof digits - 1;
  *at = 0;
  do *--at = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  say(at);
}

static NORETURN void give_up(int code) {
  line[line_length++] = '\n';
  write_all(2, line, line_length);
  exit(code);
}

// A decimal number from 0 to `most`, or -1.
static long parse_number(const char *text, long most) {
  long number = 0;
  if (*text == 0) return -1;
  for (; *text != 0; text++) {
    if (*text < '0' || *text > '9') return -1;
    number = number * 10 + (*text - '0');
    if (number > most) return -1;
  }
  return number;
}
