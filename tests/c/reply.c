// What formatting calls append to a connection: of the program's own, and of a manager.
#include "check.h"
#include "mongoose.h"

// This program's memory can be made to run out.
static int allocations_left = 1000000;

void *mg_calloc(size_t count, size_t size) {
  return allocations_left-- > 0 ? calloc(count, size) : NULL;
}

void mg_free(void *ptr) {
  free(ptr);
}

static char error[64];

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_ERROR) mg_snprintf(error, sizeof(error), "%s", (char *) ev_data);
}

// A connection of the program's own, in no manager.
static struct mg_connection zeroed(void) {
  struct mg_connection c;
  memset(&c, 0, sizeof(c));
  c.is_resp = 1;
  c.fn = handler;
  return c;
}

// What was appended since the last call.
static void sent(struct mg_connection *c, const char *wanted) {
  if (strncmp((char *) c->send.buf, wanted, c->send.len) != 0) {
    fprintf(stderr, "%.*s\n", (int) c->send.len, (char *) c->send.buf);
  }
  CHECK_ROW(c->send.len == strlen(wanted) && memcmp(c->send.buf, wanted, c->send.len) == 0, wanted);
  CHECK_ROW(c->send.size > c->send.len && c->send.buf[c->send.len] == 0, wanted);
  c->send.len = 0;
}

static size_t liar(mg_pfn_t out, void *arg, va_list *ap) {
  out('a', arg);
  return (size_t) va_arg(*ap, int);
}

static void printing(void) {
  struct mg_connection c = zeroed();
  CHECK(mg_printf(&c, "hi %d", 5) == 4);
  CHECK(c.send.size == 5);
  CHECK(mg_printf(&c, "%s", "") == 0 && c.send.len == 4);
  CHECK(mg_printf(&c, "%m", MG_ESC("\n")) == 4);
  sent(&c, "hi 5\"\\n\"");
  CHECK(mg_printf(NULL, "%d", 1) == 0);
  // A printer that lies about its length spoils the text.
  CHECK(mg_printf(&c, "x") == 1 && error[0] == '\0');
  CHECK(mg_printf(&c, "%d%M", 5, liar, 7) == 0 && c.send.len == 1 && c.is_closing);
  CHECK(strcmp(error, "OOM") == 0);
  CHECK(c.is_resp);
  mg_iobuf_free(&c.send);
}

static void errors(void) {
  struct mg_connection c = zeroed();
  char long_text[100];
  memset(long_text, 'x', sizeof(long_text));
  mg_error(&c, "%s %d", "why", 5);
  CHECK(strcmp(error, "why 5") == 0 && c.is_closing);
  mg_error(&c, "%.*s", (int) sizeof(long_text), long_text);
  CHECK(strlen(error) == 63 && error[62] == 'x');
  mg_error(NULL, "nobody");
}

static void replies(void) {
  struct mg_connection c = zeroed();
  mg_http_reply(&c, 200, "X-A: b\r\n", "code %d\n", 200);
  CHECK(!c.is_resp && !c.is_closing);
  CHECK(strncmp((char *) c.send.buf + 9, "200", 3) == 0);
  sent(&c, "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 9          \r\n\r\ncode 200\n");
  mg_http_reply(&c, 999, NULL, "%s", "");
  sent(&c, "HTTP/1.1 999 \r\nContent-Length: 0          \r\n\r\n");
  mg_http_reply(&c, 404, "", "%m:%g\n", MG_ESC("a"), 1.5);
  sent(&c, "HTTP/1.1 404 Not Found\r\nContent-Length: 8          \r\n\r\n\"a\":1.5\n");
  mg_http_reply(&c, 200, "", NULL);
  sent(&c, "HTTP/1.1 200 OK\r\nContent-Length: 0          \r\n\r\n");
  // The length is that of what is there, whatever a printer claims.
  mg_http_reply(&c, 200, "", "%M", liar, 0);
  sent(&c, "HTTP/1.1 200 OK\r\nContent-Length: 1          \r\n\r\na");
  mg_http_reply(&c, 200, "", "%10000d", 5);
  CHECK(c.send.len == 10000 + 48);
  CHECK(memcmp(c.send.buf + 17, "Content-Length: 10000      \r\n\r\n   ", 34) == 0);
  c.send.len = 0;
  mg_http_reply(&c, 200, "", "%c%c", 0, 'x');
  CHECK(c.send.len == 50 && memcmp(c.send.buf + 47, "\n\0x", 3) == 0);
  c.send.len = 0;
  // No body: RFC 9110, section 6.4.1.
  mg_http_reply(&c, 204, "A: b\r\n", "%s", "no");
  sent(&c, "HTTP/1.1 204 No Content\r\nA: b\r\n\r\n");
  mg_http_reply(&c, 101, "Upgrade: x\r\n", "%s", "no");
  sent(&c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
  mg_http_reply(&c, 304, "", "%s", "no");
  sent(&c, "HTTP/1.1 304 Not Modified\r\nContent-Length: 2          \r\n\r\n");
  mg_http_reply(NULL, 200, NULL, "%d", 1);
  mg_iobuf_free(&c.send);
}

static void chunks(void) {
  struct mg_connection c = zeroed();
  mg_http_printf_chunk(&c, "foo-%d", 42);
  CHECK(c.is_resp);
  sent(&c, "00000006\r\nfoo-42\r\n");
  mg_http_printf_chunk(&c, "%70000d", 1);
  CHECK(c.send.len == 65536 + 12 && memcmp(c.send.buf, "00010000\r\n ", 11) == 0);
  c.send.len = 0;
  mg_http_printf_chunk(&c, "%s", "");
  CHECK(!c.is_resp);
  sent(&c, "00000000\r\n\r\n");
  c.is_resp = 1;
  mg_http_write_chunk(&c, "hello", 5);
  CHECK(c.is_resp);
  sent(&c, "5\r\nhello\r\n");
  mg_http_write_chunk(&c, "nineteen characters", 19);
  sent(&c, "13\r\nnineteen characters\r\n");
  mg_http_write_chunk(&c, NULL, 5);
  CHECK(c.send.len == 0 && c.is_resp);
  mg_http_write_chunk(&c, NULL, 0);
  CHECK(!c.is_resp);
  sent(&c, "0\r\n\r\n");
  mg_http_printf_chunk(NULL, "%d", 1);
  mg_http_write_chunk(NULL, "a", 1);
  mg_iobuf_free(&c.send);
}

// Without memory: all or nothing, and the handler is told.
static void out_of_memory(void) {
  int call;
  for (call = 0; call < 4; call++) {
    struct mg_connection c = zeroed();
    CHECK(mg_printf(&c, "before") == 6);
    error[0] = '\0';
    allocations_left = 0;
    if (call == 0) CHECK(mg_printf(&c, "%s", "behind") == 0);
    if (call == 1) mg_http_reply(&c, 200, "", "%d", 1);
    if (call == 2) mg_http_printf_chunk(&c, "%d", 1);
    if (call == 3) mg_http_write_chunk(&c, "a", 1);
    allocations_left = 1000000;
    CHECK(c.send.len == 6 && memcmp(c.send.buf, "before", 6) == 0);
    CHECK(c.is_closing && strcmp(error, "OOM") == 0);
    mg_iobuf_free(&c.send);
  }
  allocations_left = 0;
  CHECK(mg_mprintf("%d", 5) == NULL);
  allocations_left = 1;
  CHECK(mg_mprintf("%300d", 5) == NULL);
  CHECK(mg_strdup(mg_str("a")).buf == NULL);
  allocations_left = 1000000;
}

// A connection that waits for its peer gets the text as soon as there is one.
static void echo(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev == MG_EV_READ && c->is_accepted) {
    mg_printf(c, "[%.*s]", (int) c->recv.len, (char *) c->recv.buf);
    c->recv.len = 0;
  }
  if (ev == MG_EV_READ && c->is_client) {
    mg_snprintf(error, sizeof(error), "%.*s", (int) c->recv.len, (char *) c->recv.buf);
  }
}

static void in_a_manager(void) {
  struct mg_mgr mgr;
  struct mg_connection *listener, *client;
  char url[40];
  int i;
  mg_mgr_init(&mgr);
  listener = mg_listen(&mgr, "tcp://127.0.0.1:0", echo, NULL);
  CHECK(listener != NULL);
  mg_snprintf(url, sizeof(url), "tcp://%M", mg_print_ip_port, &listener->loc);
  client = mg_connect(&mgr, url, echo, NULL);
  CHECK(client != NULL && mg_printf(client, "%s %d", "hi", 5) == 4);
  error[0] = '\0';
  for (i = 0; i < 200 && error[0] == '\0'; i++) mg_mgr_poll(&mgr, 10);
  CHECK(strcmp(error, "[hi 5]") == 0);
  mg_mgr_free(&mgr);
}

int main(void) {
  mg_log_set(MG_LL_NONE);
  printing();
  errors();
  replies();
  chunks();
  out_of_memory();
  in_a_manager();
  return FAILURES;
}
