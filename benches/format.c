// Formatting against the C library's snprintf: interleaved rounds, nanoseconds per call, ratio of
// the best rounds, which are short so that some are undisturbed. Compile and run: benches/format.py
#include <time.h>

#include "mongoose.h"

enum { ROUNDS = 300, CALLS = 2000, CASES = 16 };

static char buf[512];
static volatile size_t total;
static struct mg_connection c;

static double now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

// The values change from call to call, as they do in programs.
static const char *const words[] = {"GET", "connection", "a somewhat longer text of 42 characters ..."};
static const char *const json[] = {"plain", "a longer text that needs no escape at all", "two \"quotes\" \\ and a\nline"};
#define WORD(i) words[(i) % 3]
#define JSON(i) json[(i) % 3]

#define CASE(name, ours, host)                              \
  static void ours_##name(int i) { total += (size_t) ours; } \
  static void host_##name(int i) { total += (size_t) host; }

#define BOTH(name, ...)                             \
  CASE(name, mg_snprintf(buf, sizeof(buf), __VA_ARGS__), \
       snprintf(buf, sizeof(buf), __VA_ARGS__))

BOTH(d, "%d", i)
BOTH(d_wide, "%d %d %d", i, i * 7, -i)
BOTH(x, "%08x", i)
BOTH(llu, "%llu", (unsigned long long) i * 1000000007ULL)
BOTH(s, "%s", WORD(i))
BOTH(s_len, "%.*s", 5 + i % 3, "text with a length")
BOTH(padded, "%-12s|%8d", "name", i)
BOTH(mixed, "%s: %d (%.*s) %s\n", WORD(i), i, 3, "abc", "end")
BOTH(plain, "nothing to format in this text of %s", "a case")
BOTH(f, "%.2f", (double) i * 1.37)
BOTH(g, "%g", (double) i * 1.37)
BOTH(g_small, "%g", (double) (i + 1) * 1e-9)

// The host has no escapes: it prints the text as it is, between quotes.
CASE(json, mg_snprintf(buf, sizeof(buf), "%m", MG_ESC(JSON(i))), snprintf(buf, sizeof(buf), "\"%s\"", JSON(i)))
CASE(json_object, mg_snprintf(buf, sizeof(buf), "{%m:%m,%m:%d}", MG_ESC("name"), MG_ESC(JSON(i)), MG_ESC("id"), i),
     snprintf(buf, sizeof(buf), "{\"%s\":\"%s\",\"%s\":%d}", "name", JSON(i), "id", i))
CASE(ip, mg_snprintf(buf, sizeof(buf), "%M", mg_print_ip_port, &c.rem),
     snprintf(buf, sizeof(buf), "%d.%d.%d.%d:%d", c.rem.addr.ip[0], c.rem.addr.ip[1], c.rem.addr.ip[2],
              c.rem.addr.ip[3], c.rem.port))

// A whole reply, straight into the send buffer, against a head and body made by snprintf.
static void ours_reply(int i) {
  c.send.len = 0;
  mg_http_reply(&c, 200, "Content-Type: application/json\r\n", "{%m:%d}\n", MG_ESC("id"), i);
  total += c.send.len;
}

static void host_reply(int i) {
  char body[64];
  int n = snprintf(body, sizeof(body), "{\"%s\":%d}\n", "id", i);
  total += (size_t) snprintf(buf, sizeof(buf),
                             "HTTP/1.1 %d %s\r\n%sContent-Length: %-10d \r\n\r\n%s", 200, "OK",
                             "Content-Type: application/json\r\n", n, body);
}

#define ROW(name) {#name, ours_##name, host_##name}
static const struct {
  const char *name;
  void (*ours)(int), (*host)(int);
} cases[CASES] = {ROW(d),      ROW(d_wide), ROW(x),     ROW(llu),     ROW(s),    ROW(s_len),
                  ROW(padded), ROW(mixed),  ROW(plain), ROW(f),     ROW(g),    ROW(g_small),
                  ROW(json),   ROW(json_object), ROW(ip), ROW(reply)};

static double run(void (*fn)(int)) {
  double start = now();
  int i;
  for (i = 0; i < CALLS; i++) fn(i);
  return (now() - start) / CALLS;
}

// Arguments: names of the cases to run; none: all.
static int wanted(const char *name, int argc, char **argv) {
  int i;
  for (i = 1; i < argc; i++) {
    if (strcmp(argv[i], name) == 0) return 1;
  }
  return argc < 2;
}

int main(int argc, char **argv) {
  int i, round;
  c.send.align = 16384;
  c.rem.addr.ip[0] = 127, c.rem.addr.ip[3] = 1, c.rem.port = 8000;
  printf("%-12s %8s %8s %6s\n", "", "ours ns", "host ns", "ratio");
  for (i = 0; i < CASES; i++) {
    double ours = 1e9, host = 1e9;
    if (!wanted(cases[i].name, argc, argv)) continue;
    for (round = 0; round < ROUNDS; round++) {
      double t = run(cases[i].ours);
      if (t < ours) ours = t;
      t = run(cases[i].host);
      if (t < host) host = t;
    }
    printf("%-12s %8.1f %8.1f %6.2f\n", cases[i].name, ours, host, ours / host);
  }
  mg_iobuf_free(&c.send);
  return 0;
}
