/* Initialises structs by position, uses fields, and declares functions again, as programs do. */
#include "mongoose.h"

static size_t printer(void (*out)(char, void *), void *param, va_list *ap) {
  int n = va_arg(*ap, int);
  out('x', param);
  return (size_t) n;
}

static void put(char ch, void *param) {
  *(char *) param = ch;
}

static void call(size_t (*fn)(mg_pfn_t, void *, va_list *), char *ch, ...) {
  va_list ap;
  va_start(ap, ch);
  if (fn(put, ch, &ap) != 3) *ch = '?';
  va_end(ap);
}

static int st(const char *path, size_t *size, time_t *mtime) {
  (void) path, (void) size, (void) mtime;
  return MG_FS_READ | MG_FS_WRITE | MG_FS_DIR | MG_FS_EXCL;
}

static int authenticate(char *user, size_t len, const char *pass) {
  (void) user, (void) len, (void) pass;
  return 1;
}

static void method(struct mg_rpc_req *r) {
  (void) r;
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    c->data[0] = hm->uri.len > 0 ? hm->uri.buf[0] : '\0';
    c->is_draining = 1;
  } else if (ev == MG_EV_USER + 1) {
    c->is_closing = 1;
  }
}

const struct mg_mem_file mg_packed_files[] = {{"/a", (const unsigned char *) "b", 1, 0}, {NULL, NULL, 0, 0}};
static struct mg_fs fs = {st, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};

static struct mg_dash dash = {NULL, NULL, authenticate, 1, NULL, &fs};
static struct mg_iobuf io = {0, 0, 0, 16};
static struct mg_rpc *head = NULL;
static struct mg_rpc_req req = {&head, 0, put, &io, 0, {0, 0}};
static struct mg_rpc rpc = {NULL, {NULL, 0}, method, NULL};
static struct mg_addr addr = {{{1, 2, 3, 4}}, 0, 0, false};
static int number = 1;
static struct mg_field fields[] = {{"one", MG_VAL_INT, &number, sizeof(number)}, {NULL, MG_VAL_INT, NULL, 0}};
static struct mg_field_set set = {"set", fields, NULL, NULL, NULL, NULL};
static struct mg_http_serve_opts opts = {".", NULL, NULL, NULL, NULL, &fs};
static struct mg_timer timer = {1, 0, MG_TIMER_REPEAT, NULL, NULL, NULL};

int main(void) {
  struct mg_str s = {NULL, 0};
  struct mg_mgr mgr;
  struct mg_connection c;
  struct mg_http_message hm;
  struct mg_connection *t;
  mg_event_handler_t fn = handler;
  char ch = '\0';
  size_t i;
  extern uint64_t mg_boot_timestamp_ms;
  extern char *mg_http_etag(char *, size_t, size_t, time_t);

  (void) sizeof(mg_boot_timestamp_ms);
  memset(&mgr, 0, sizeof(mgr));
  memset(&c, 0, sizeof(c));
  memset(&hm, 0, sizeof(hm));
  mgr.conns = &c;
  mgr.userdata = &dash;
  mgr.dns4.url = "udp://127.0.0.1:53";
  mgr.dnstimeout = 1;
  mgr.extraconnsize = sizeof(long);
  hm.uri.buf = &c.data[1];
  hm.uri.len = 1;
  c.data[1] = '/';
  fn(&c, MG_EV_HTTP_MSG, &hm);
  for (t = mgr.conns; t != NULL; t = t->next) {
    if (t->data[0] == '/' && t->is_draining && !t->is_closing) fn(t, MG_EV_USER + 1, NULL);
  }
  call(printer, &ch, 3);
  for (i = 0; i < sizeof(c.data); i++) number += c.data[i] == '\0' ? 0 : 1;
  return c.is_closing && ch == 'x' && number == 3 && io.align == 16 && req.pfn == put && rpc.fn == method &&
                 addr.addr.ip[3] == 4 && set.fields->value == &number && opts.fs == &fs && s.len == 0 &&
                 dash.authenticate == authenticate && timer.flags == 1 && mg_packed_files[1].path == NULL
             ? 0
             : 1;
}
