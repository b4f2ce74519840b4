/* Uses every macro of mongoose.h that does something, and says what came out wrong. */
#include "mongoose.h"

/* A program may log for itself. */
static char s_prefix[100];
static char s_text[100];
static int s_evaluated;

void mg_log_prefix(int level, const char *file, int line, const char *function) {
  const char *slash = strrchr(file, '/');
  snprintf(s_prefix, sizeof(s_prefix), "%d %s:%s:%s", level, slash == NULL ? file : slash + 1,
           line > 0 ? "line" : "?", function);
}

void mg_log(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(s_text, sizeof(s_text), fmt, ap);
  va_end(ap);
}

static int s_failed;

static void expect(int ok, const char *what, int line) {
  if (ok) return;
  printf("macros.c:%d: %s\n", line, what);
  s_failed = 1;
}
#define EXPECT(x) expect((x) ? 1 : 0, #x, __LINE__)

static int evaluated(int value) {
  s_evaluated++;
  return value;
}

static void numbers(void) {
  uint8_t address[16] = MG_IPV6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
  uint8_t expected[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  uint32_t ip = MG_IPV4(10, 20, 30, 40);
  char text[20];
  EXPECT(memcmp(address, expected, 16) == 0);
  EXPECT(MG_U8P(&ip)[0] == 10 && MG_U8P(&ip)[3] == 40);
  snprintf(text, sizeof(text), "%d.%d.%d.%d", MG_IPADDR_PARTS(&ip));
  EXPECT(strcmp(text, "10.20.30.40") == 0);
  EXPECT(MG_U32(1, 2, 3, 4) == 0x01020304);
  EXPECT(MG_U32('a', 'b', 'c', 'd') == 0x61626364);
  EXPECT(MG_U32(255, 254, 256, -1) == 0xfffe00ff);
  EXPECT(mg_htons(0x1234) == 0x3412);
  EXPECT(mg_htonl(0x12345678) == 0x78563412);
  EXPECT(mg_htonll(0x12345678) == (uint64_t) 0x78563412 << 32);
  EXPECT(!MG_BIG_ENDIAN);
  EXPECT(MG_BIT(5) == 0x20 && MG_BIT(31) == 0x80000000);
  EXPECT(MG_ROUND_UP(0, 4) == 0 && MG_ROUND_UP(1, 4) == 4 && MG_ROUND_UP(8, 4) == 8);
  EXPECT(MG_ROUND_UP(7, 0) == 7 && MG_ROUND_DOWN(7, 0) == 7);
  EXPECT(MG_ROUND_DOWN(7, 4) == 4 && MG_ROUND_DOWN(8, 4) == 8);
  EXPECT(MG_IS_DER("\x30\x82") && !MG_IS_DER("-----BEGIN"));
}

static void bytes(void) {
  uint8_t buf[16];
  const uint8_t *p = buf + 1; /* not aligned */
  uint8_t *q;
  memset(buf, 0xee, sizeof(buf));
  MG_STORE_BE16(buf + 1, 0x1234);
  EXPECT(buf[1] == 0x12 && buf[2] == 0x34 && buf[3] == 0xee);
  EXPECT(MG_LOAD_BE16(p) == 0x1234);
  MG_STORE_BE24(buf + 1, 0x99123456);
  EXPECT(memcmp(p, "\x12\x34\x56\xee", 4) == 0);
  EXPECT(MG_LOAD_BE24(p) == 0x123456);
  MG_STORE_BE32(buf + 1, 0x87654321);
  EXPECT(memcmp(p, "\x87\x65\x43\x21\xee", 5) == 0);
  EXPECT(MG_LOAD_BE32(p) == 0x87654321);
  MG_STORE_BE64(buf + 1, (uint64_t) 0x87654321 << 32 | 0x12345678);
  EXPECT(memcmp(p, "\x87\x65\x43\x21\x12\x34\x56\x78", 8) == 0);
  EXPECT(MG_LOAD_BE64(p) == ((uint64_t) 0x87654321 << 32 | 0x12345678));
  EXPECT(buf[0] == 0xee);
  EXPECT(sizeof(MG_LOAD_BE16(p)) == 2 && sizeof(MG_LOAD_BE24(p)) == 4);
  EXPECT(sizeof(MG_LOAD_BE32(p)) == 4 && sizeof(MG_LOAD_BE64(p)) == 8);
  /* A store evaluates its arguments once. */
  q = buf;
  s_evaluated = 0;
  MG_STORE_BE16(q++, evaluated(1));
  MG_STORE_BE24(q++, evaluated(1));
  MG_STORE_BE32(q++, evaluated(1));
  MG_STORE_BE64(q++, evaluated(1));
  EXPECT(q == buf + 4 && s_evaluated == 4);
}

static void registers(void) {
  uint32_t value = 0xf0;
  MG_REG(&value) = 0xff;
  EXPECT(value == 0xff);
  MG_SET_BITS(MG_REG(&value), 0xfU, MG_BIT(8));
  EXPECT(value == 0x1f0);
  MG_DSB();
  MG_ARM_DISABLE_IRQ();
  MG_ARM_ENABLE_IRQ();
  MG_OTA_BOOT_CHECK();
  MG_OTA_ROLLBACK();
  MG_OTA_ROLLBACK_TIMER_START();
  MG_OTA_ROLLBACK_TIMER_FEED();
  MG_OTA_STATE_SET(MG_OTA_TESTING);
  EXPECT(MG_OTA_STATE_GET() == MG_OTA_CONFIRMED);
}

struct item {
  struct item *next;
  int n;
};

static int order(const struct item *head) {
  int n = 0;
  for (; head != NULL; head = head->next) n = n * 10 + head->n;
  return n;
}

static void lists(void) {
  struct item a = {NULL, 1}, b = {NULL, 2}, c = {NULL, 3}, d = {NULL, 4};
  struct item *h = NULL; /* a name that the macros might use themselves */
  struct item *items[2];
  struct item **next = items;
  LIST_ADD_TAIL(struct item, &h, &a);
  LIST_ADD_HEAD(struct item, &h, &b);
  LIST_ADD_TAIL(struct item, &h, &c);
  EXPECT(order(h) == 213);
  LIST_DELETE(struct item, &h, &a);
  EXPECT(order(h) == 23 && a.next == &c);
  LIST_DELETE(struct item, &h, &d); /* not in the list */
  EXPECT(order(h) == 23);
  LIST_DELETE(struct item, &h, &b);
  LIST_DELETE(struct item, &h, &c);
  LIST_DELETE(struct item, &h, &c); /* no longer in the list */
  EXPECT(h == NULL);
  /* An expression is evaluated once. */
  items[0] = &c;
  items[1] = &d;
  LIST_ADD_HEAD(struct item, &h, *next++);
  LIST_ADD_HEAD(struct item, &h, h == &c ? &b : &a);
  EXPECT(order(h) == 23 && next == items + 1);
}

static void logging(void) {
  const char *function = MG___FUNC__;
  char prefix[100];
  mg_log_set(MG_LL_INFO);
  EXPECT(mg_log_level == 2);
  snprintf(prefix, sizeof(prefix), "2 macros.c:line:%s", function);
#if MG_ENABLE_LOG
  MG_INFO(("%d %s", 42, "x"));
  EXPECT(strcmp(s_text, "42 x") == 0 && strcmp(s_prefix, prefix) == 0);
  MG_ERROR(("error"));
  EXPECT(strcmp(s_text, "error") == 0 && s_prefix[0] == '1');
#else
  MG_INFO(("%d %s", 42, "x"));
  EXPECT(s_text[0] == '\0' && s_prefix[0] == '\0');
#endif
  s_evaluated = 0;
  if (s_failed == 2)
    MG_DEBUG(("%d", evaluated(1)));
  else
    MG_DEBUG(("%d", evaluated(1))); /* the level is too low */
  MG_VERBOSE(("%d", evaluated(1)));
  MG_LOG(MG_LL_DEBUG, ("%d", evaluated(1)));
  EXPECT(s_evaluated == 0 && (!MG_ENABLE_LOG || strcmp(s_text, "error") == 0));
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) c, (void) ev, (void) ev_data;
}

static void register_handler(struct mg_dash *dash) {
  MG_DASH_REGISTER_CUSTOM_HANDLER(dash, "/a/#", handler, dash);
}

static void connections(void) {
  struct mg_connection c;
  struct mg_str s = mg_str("hello");
  struct mg_addr ip = {{{1, 2, 3, 4}}, 0, 0, false};
  struct mg_field_set one = {"one", NULL, NULL, NULL, NULL, NULL};
  struct mg_field_set two = {"two", NULL, NULL, NULL, NULL, NULL};
  struct mg_dash dash;
  memset(&c, 0, sizeof(c));
  memset(&dash, 0, sizeof(dash));
  EXPECT(s.len == 5 && strcmp(s.buf, "hello") == 0);
  s = mg_str(NULL);
  EXPECT(s.len == 0 && s.buf == NULL);
  EXPECT(ip.addr.ip4 == MG_IPV4(1, 2, 3, 4) && ip.addr.ip[3] == 4);
  MG_EPOLL_ADD(&c);
  MG_EPOLL_MOD(&c, 1);
  MG_DASH_ADD_FIELD_SET(&dash, &one);
  MG_DASH_ADD_FIELD_SET(&dash, &two);
  EXPECT(dash.sets == &two && two.next == &one && one.next == NULL);
  register_handler(&dash);
  register_handler(&dash); /* the same entry again: still one */
  EXPECT(dash.custom_handlers != NULL && dash.custom_handlers->next == NULL);
  EXPECT(dash.custom_handlers->handler == handler && dash.custom_handlers->handler_data == &dash);
  EXPECT(dash.custom_handlers->uri_pattern.len == 4);

  MG_PROF_ADD(&c, "first"); /* nothing before it */
  MG_PROF_ADD(&c, "second");
#if MG_ENABLE_PROFILE
  {
    struct mg_profitem *items = (struct mg_profitem *) (void *) c.prof.buf;
    EXPECT(c.prof.len == 3 * sizeof(*items));
    EXPECT(strcmp(items[1].name, "first") == 0 && strcmp(items[2].name, "second") == 0);
    EXPECT(items[1].timestamp < 10000 && items[2].timestamp < 10000);
    MG_PROF_DUMP(&c);
    EXPECT(!MG_ENABLE_LOG || strstr(s_text, "ms: second") != NULL);
    MG_PROF_INIT(&c);
    EXPECT(c.prof.len == sizeof(*items));
  }
#endif
  MG_PROF_DUMP(&c);
  MG_PROF_FREE(&c);
  EXPECT(c.prof.len == 0 && c.prof.buf == NULL);
}

static void escaping(void) {
  char *text = mg_mprintf("%m", MG_ESC("a\"b\n"));
  EXPECT(text != NULL && strcmp(text, "\"a\\\"b\\n\"") == 0);
  mg_free(text);
}

int main(void) {
  numbers();
  bytes();
  registers();
  lists();
  logging();
  connections();
  escaping();
  return s_failed;
}
