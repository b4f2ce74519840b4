// The misuse matrix, second part: protocols, files, dashboards, updates. See misuse.h.
#include "misuse.h"

static void with_list(void (*fn)(va_list *ap), ...) {
  va_list ap;
  va_start(ap, fn);
  fn(&ap);
  va_end(ap);
}

// --- A file system of the program: every file has 100000 bytes, "short" has 10, "absent" is none.

struct open_file {
  size_t at, size;
};
static size_t size_of(const char *path) {
  if (strstr(path, "absent") != NULL) return (size_t) -1;
  return strstr(path, "short") != NULL ? 10 : 100000;
}
static int fs_st(const char *path, size_t *size, time_t *mtime) {
  size_t n = size_of(path);
  strike(HANDLER);
  if (n == (size_t) -1) return 0;
  if (size != NULL) *size = n;
  if (mtime != NULL) *mtime = 1;
  return strchr(path, '.') == NULL && strstr(path, "dir") != NULL ? MG_FS_READ | MG_FS_DIR : MG_FS_READ;
}
static void fs_ls(const char *path, void (*fn)(const char *, void *), void *arg) {
  (void) path;
  strike(HANDLER);
  fn("a.txt", arg);
  fn("b.txt", arg);
}
static void *fs_op(const char *path, int flags) {
  struct open_file *f;
  (void) flags;
  strike(HANDLER);
  if (size_of(path) == (size_t) -1) return NULL;
  f = (struct open_file *) calloc(1, sizeof(*f));
  f->size = size_of(path);
  return f;
}
static void fs_cl(void *f) {
  free(f);
  strike(HANDLER);
}
static size_t fs_rd(void *file, void *buf, size_t len) {
  struct open_file *f = (struct open_file *) file;
  size_t n = f->size - f->at < len ? f->size - f->at : len;
  memset(buf, 'x', n);
  f->at += n;
  strike(HANDLER);
  return n;
}
static size_t fs_wr(void *f, const void *buf, size_t len) {
  (void) f, (void) buf;
  strike(HANDLER);
  return len;
}
static size_t fs_sk(void *file, size_t offset) {
  ((struct open_file *) file)->at = offset;
  strike(HANDLER);
  return offset;
}
static bool fs_mv(const char *from, const char *to) {
  (void) from, (void) to;
  strike(HANDLER);
  return true;
}
static bool fs_rm(const char *path) {
  (void) path;
  strike(HANDLER);
  return true;
}
static bool fs_mkd(const char *path) {
  (void) path;
  strike(HANDLER);
  return true;
}
static struct mg_fs fs = {fs_st, fs_ls, fs_op, fs_cl, fs_rd, fs_wr, fs_sk, fs_mv, fs_rm, fs_mkd};

static struct mg_http_serve_opts serve = {"/dir", "#.shtml", NULL, NULL, NULL, &fs};
static struct mg_http_web_opts web;

static void serve_and_poll(const char *path) {
  mg_http_serve_file(subject, &hm, path, &serve);
  if (mgr != NULL && subject != NULL) mg_mgr_poll(mgr, 0);
}

// --- Handlers

static void done(struct mg_connection *c, const char *err) {
  (void) c, (void) err;
  strike(HANDLER);
}
static void checked(const char *err) {
  (void) err;
  strike(HANDLER);
}
static bool wanted(struct mg_connection *c, void *arg) {
  (void) c, (void) arg;
  strike(HANDLER);
  return true;
}
static void do_vreply(va_list *ap) { mg_http_vreply(subject, 200, "A: b\r\n", "%M", ap); }
static void do_vchunk(va_list *ap) { mg_http_vprintf_chunk(subject, "%M", ap); }
static void do_ws_vprintf(va_list *ap) { mg_ws_vprintf(subject, WEBSOCKET_OP_TEXT, "%M", ap); }
static void do_ws_vupgrade(va_list *ap) { mg_ws_vupgrade(subject, &hm, "A: %M\r\n", ap); }
static void do_ws_vconnect(va_list *ap) {
  mg_ws_vconnect(mgr, "ws://127.0.0.1:1/", on_event, NULL, "A: %M\r\n", ap);
}

static void do_upgrade(const char *request) {
  if (subject == NULL) return;
  set_request(request);
  mg_ws_upgrade(subject, &hm, "A: %M\r\n", print);
}

// --- RPC

static void method(struct mg_rpc_req *r) {
  strike(HANDLER);
  mg_rpc_ok(r, "%M", print);
}
static struct mg_iobuf output = {NULL, 0, 0, 256};
static struct mg_rpc_req answer(void) {
  struct mg_rpc_req r;
  memset(&r, 0, sizeof(r));
  r.pfn = mg_pfn_iobuf;
  r.pfn_data = &output;
  r.frame = mg_str("{\"id\":1,\"method\":\"m\"}");
  output.len = 0;
  return r;
}
static void do_rpc(void (*process)(struct mg_rpc_req *)) {
  struct mg_rpc *head = NULL;
  struct mg_rpc_req r = answer();
  r.head = &head;
  mg_rpc_add(&head, mg_str("m"), method, NULL);
  mg_rpc_add(&head, mg_str("list"), mg_rpc_list, NULL);
  process(&r);
  mg_rpc_del(&head, NULL);
}
static void do_rpc_vok(va_list *ap) {
  struct mg_rpc_req r = answer();
  mg_rpc_vok(&r, "%M", ap);
}
static void do_rpc_verr(va_list *ap) {
  struct mg_rpc_req r = answer();
  mg_rpc_verr(&r, 1, "%M", ap);
}

// --- Dashboards

static int number;
static bool set_changed(enum mg_dash_op op, struct mg_dash_user *user) {
  (void) op, (void) user;
  strike(HANDLER);
  return true;
}
static struct mg_field fields[] = {{"n", MG_VAL_INT, &number, sizeof(number)}, {NULL, MG_VAL_INT, NULL, 0}};
static struct mg_field_set set = {"s", fields, set_changed, NULL, NULL, NULL};
static int authenticate(char *user, size_t len, const char *pass) {
  (void) user, (void) len, (void) pass;
  strike(HANDLER);
  return 7;
}
static struct mg_dash dash = {&set, NULL, NULL, 0, NULL, &fs};
static void do_dash(int ev, const char *request, int (*auth)(char *, size_t, const char *)) {
  dash.authenticate = auth;
  subject->fn_data = &dash;
  set_request(request);
  mg_dash_ev_handler(subject, ev, &hm);
}
static void do_dash_change(void) {
  dash.authenticate = NULL;
  if (!subject->is_websocket) {
    subject->fn_data = &dash;
    set_request("GET /api/websocket HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    if (subject != NULL) mg_dash_ev_handler(subject, MG_EV_HTTP_MSG, &hm);
  }
  if (mgr != NULL) mg_dash_send_change(mgr, &set);
}

// --- MQTT

static struct mg_mqtt_opts mqtt_options(void) {
  struct mg_mqtt_opts opts;
  memset(&opts, 0, sizeof(opts));
  opts.topic = mg_str("t");
  opts.message = mg_str("m");
  opts.qos = 1;
  return opts;
}

static struct mg_mqtt_opts opts;

// A client that connects again and again, and keeps what it is to publish.
static void poll_client(struct mg_connection *c) {
  int i;
  if (c == NULL || mgr == NULL) return;
  mg_conn_set(c, MG_SET_MQTT_RECONNECT, 2);
  subject = c;
  mg_mqtt_sub(c, &opts);
  if (subject != NULL) mg_mqtt_pub(subject, &opts);
  for (i = 0; i < 3 && mgr != NULL; i++) mg_mgr_poll(mgr, 1);
}

// --- OTA: there is one check in a process.

static void do_ota_check(const char *url) {
  mg_ota_url_check(mgr, url, checked);
}

static void read_wanted(const char *path) {
  struct mg_str data = mg_file_read(&fs, path);
  free((void *) data.buf);
}

static void open_and_close(void) {
  struct mg_fd *fd = mg_fs_open(&fs, "/dir/short.txt", MG_FS_READ);
  if (fd != NULL) mg_fs_close(fd);
}

#define ROWS "misuse_protocols.inc"
#include "misuse_rows.h"

int main(int argc, char **argv) {
  opts = mqtt_options();
  play_all(rows, COUNT(rows), argc, argv);
  mg_iobuf_free(&output);
  return FAILURES;
}
