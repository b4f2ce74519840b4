// The examples of the C reference and the manual pages. Each one is for the functions that its first line
// names. A test compiles this file; scripts/header_docs.py takes it apart.
#include <mongoose.h>

static void handler(struct mg_connection *c, int ev, void *ev_data) { (void) c, (void) ev, (void) ev_data; }

// example: mg_mgr_init mg_mgr_poll mg_mgr_free
static volatile bool stop;  // a signal handler sets it

static int run(void) {
  struct mg_mgr mgr;
  mg_mgr_init(&mgr);
  if (mg_http_listen(&mgr, "http://127.0.0.1:8000", handler, NULL) == NULL) return 1;
  while (!stop) mg_mgr_poll(&mgr, 1000);
  mg_mgr_free(&mgr);
  return 0;
}
// end

// example: mg_listen mg_send mg_iobuf_del
// Sends back what it receives.
static void echo(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  if (ev != MG_EV_READ) return;
  mg_send(c, c->recv.buf, c->recv.len);
  mg_iobuf_del(&c->recv, 0, c->recv.len);
}

static bool serve_echo(struct mg_mgr *mgr) { return mg_listen(mgr, "tcp://0.0.0.0:7", echo, NULL) != NULL; }
// end

// example: mg_connect mg_printf mg_error
static void client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) mg_printf(c, "time %llu\n", (unsigned long long) mg_now());
  if (ev == MG_EV_READ && c->recv.len > 1000) mg_error(c, "the answer is too long");
  if (ev == MG_EV_ERROR) MG_ERROR(("%s", (char *) ev_data));
}

static void start_client(struct mg_mgr *mgr) { mg_connect(mgr, "tcp://127.0.0.1:7", client, NULL); }
// end

// example: mg_http_listen mg_http_reply mg_http_get_header mg_http_var mg_match
static void answer(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  struct mg_str id[2], color, *agent;
  if (ev != MG_EV_HTTP_MSG) return;
  agent = mg_http_get_header(hm, "User-Agent");  // NULL if there is none
  color = mg_http_var(hm->query, mg_str("color"));
  if (mg_match(hm->uri, mg_str("/lamps/*"), id)) {
    mg_http_reply(c, 200, "Content-Type: application/json\r\n", "{%m:%m,%m:%m,%m:%m}\n", MG_ESC("lamp"),
                  mg_print_esc, (int) id[0].len, id[0].buf, MG_ESC("color"), mg_print_esc, (int) color.len,
                  color.buf, MG_ESC("agent"), mg_print_esc, agent ? (int) agent->len : 0,
                  agent ? agent->buf : "");
  } else {
    mg_http_reply(c, 404, "", "Not found\n");
  }
}

static void serve(struct mg_mgr *mgr) { mg_http_listen(mgr, "http://0.0.0.0:8000", answer, NULL); }
// end

// example: mg_http_connect mg_http_status mg_url_host mg_url_port
static const char *url = "http://127.0.0.1:8000/data";

static void fetch(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CONNECT) {
    struct mg_str host = mg_url_host(url);
    mg_printf(c, "GET %s HTTP/1.1\r\nHost: %.*s:%d\r\n\r\n", mg_url_uri(url), (int) host.len, host.buf,
              mg_url_port(url));
  } else if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_http_status(hm) == 200) printf("%.*s\n", (int) hm->body.len, hm->body.buf);
    c->is_draining = 1;
  }
}

static void start_fetch(struct mg_mgr *mgr) { mg_http_connect(mgr, url, fetch, NULL); }
// end

// example: mg_http_bauth mg_http_creds
static void send_request(struct mg_connection *c) {
  mg_printf(c, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  mg_http_bauth(c, "user", "password");
  mg_printf(c, "\r\n");
}

static bool is_user(struct mg_http_message *hm) {
  char user[50], pass[50];
  mg_http_creds(hm, user, sizeof(user), pass, sizeof(pass));
  return strcmp(user, "user") == 0 && strcmp(pass, "password") == 0;
}
// end

// example: mg_http_get_var mg_url_decode
// A form of a browser: color=dark+red&level=7
static void form(struct mg_connection *c, struct mg_http_message *hm) {
  char color[20], path[100];
  int n = mg_http_get_var(&hm->body, "color", color, sizeof(color));  // decoded
  if (mg_url_decode(hm->uri.buf, hm->uri.len, path, sizeof(path), 0) < 0) n = -1;
  mg_http_reply(c, n > 0 ? 200 : 400, "", n > 0 ? "%s\n" : "color is missing\n", color);
}
// end

// example: mg_http_serve_dir mg_http_serve_file
static void files(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  struct mg_http_serve_opts opts = {.root_dir = "www", .extra_headers = "Cache-Control: max-age=60\r\n"};
  if (ev != MG_EV_HTTP_MSG) return;
  if (mg_match(hm->uri, mg_str("/manual"), NULL)) {
    mg_http_serve_file(c, hm, "/usr/share/doc/manual.pdf", &opts);
  } else {
    mg_http_serve_dir(c, hm, &opts);
  }
}
// end

// example: mg_http_start_upload
static void stored(struct mg_connection *c, const char *err) {
  mg_http_reply(c, err == NULL ? 201 : 400, "", "%s\n", err == NULL ? "stored" : err);
  c->is_draining = 1;
}

static void upload(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  struct mg_str name[2];
  if (ev == MG_EV_HTTP_HDRS && mg_match(hm->uri, mg_str("/files/*"), name)) {
    mg_http_start_upload(c, hm, name[0], mg_str("/var/uploads"), &mg_fs_posix, stored);
  }
}
// end

// example: mg_http_next_multipart
static void parts(struct mg_connection *c, struct mg_http_message *hm) {
  struct mg_http_part part;
  size_t offset = 0;
  while ((offset = mg_http_next_multipart(hm->body, offset, &part)) > 0) {
    printf("%.*s: %zu bytes\n", (int) part.name.len, part.name.buf, part.body.len);
  }
  mg_http_reply(c, 200, "", "ok\n");
}
// end

// example: mg_http_write_chunk mg_http_printf_chunk
static void chunks(struct mg_connection *c) {
  mg_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  mg_http_printf_chunk(c, "{%m:%d}\n", MG_ESC("value"), 42);
  mg_http_write_chunk(c, "more\n", 5);
  mg_http_write_chunk(c, "", 0);  // the end
}
// end

// example: mg_http_parse mg_strcasecmp mg_strcmp
static bool is_get(const char *text) {
  struct mg_http_message hm;
  int n = mg_http_parse(text, strlen(text), &hm);  // 0: not complete; negative: malformed
  return n > 0 && mg_strcmp(hm.method, mg_str("GET")) == 0 && mg_strcasecmp(hm.proto, mg_str("http/1.1")) == 0;
}
// end

// example: mg_http_next_header
static void headers(const struct mg_http_message *hm) {
  struct mg_http_header h;
  size_t position = 0;
  while ((position = mg_http_next_header(hm, position, &h)) > 0) {
    printf("%.*s is %.*s\n", (int) h.name.len, h.name.buf, (int) h.value.len, h.value.buf);
  }
}
// end

// example: mg_ws_upgrade mg_ws_send mg_ws_printf
static void chat(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    mg_ws_upgrade(c, (struct mg_http_message *) ev_data, NULL);
  } else if (ev == MG_EV_WS_OPEN) {
    mg_ws_printf(c, WEBSOCKET_OP_TEXT, "{%m:%lu}", MG_ESC("you"), c->id);
  } else if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    mg_ws_send(c, wm->data.buf, wm->data.len, WEBSOCKET_OP_TEXT);
  }
}
// end

// example: mg_ws_broadcast
static bool is_member(struct mg_connection *c, void *room) { return c->fn_data == room; }

static void tell(struct mg_mgr *mgr, void *room, struct mg_str text) {
  mg_ws_broadcast(mgr, text.buf, text.len, WEBSOCKET_OP_TEXT, is_member, room);
}
// end

// example: mg_ws_connect
static void listener(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WS_OPEN) mg_ws_send(c, "hello", 5, WEBSOCKET_OP_TEXT);
  if (ev == MG_EV_WS_MSG) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    printf("%.*s\n", (int) wm->data.len, wm->data.buf);
  }
}

static void start_listener(struct mg_mgr *mgr) {
  mg_ws_connect(mgr, "wss://chat.example/ws", listener, NULL, "%s", "Origin: https://chat.example\r\n");
}
// end

// example: mg_mqtt_connect mg_mqtt_sub mg_mqtt_pub
static void sensor(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_MQTT_OPEN) {
    struct mg_mqtt_opts sub = {.topic = mg_str("lamps/+"), .qos = 1};
    struct mg_mqtt_opts pub = {.topic = mg_str("status"), .message = mg_str("on"), .retain = true};
    mg_mqtt_sub(c, &sub);
    mg_mqtt_pub(c, &pub);
  } else if (ev == MG_EV_MQTT_MSG) {
    struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
    printf("%.*s: %.*s\n", (int) mm->topic.len, mm->topic.buf, (int) mm->data.len, mm->data.buf);
  }
}

static void start_sensor(struct mg_mgr *mgr) {
  struct mg_mqtt_opts opts = {.client_id = mg_str("sensor-1"), .keepalive = 60, .clean = true, .version = 4};
  mg_mqtt_connect(mgr, "mqtts://broker.example", &opts, sensor, NULL);
}
// end

// example: mg_mqtt_ping mg_timer_add
// Nothing is kept alive by itself.
static void ping(void *arg) {
  struct mg_mgr *mgr = (struct mg_mgr *) arg;
  struct mg_connection *c;
  for (c = mgr->conns; c != NULL; c = c->next) {
    if (c->fn == sensor && !c->is_connecting) mg_mqtt_ping(c);
  }
}

static void start_pings(struct mg_mgr *mgr) { mg_timer_add(mgr, 30000, MG_TIMER_REPEAT, ping, mgr); }
// end

// example: mg_tls_init mg_file_read
static struct mg_str cert, key;

static void secure(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_ACCEPT) {
    struct mg_tls_opts opts = {.cert = cert, .key = key};
    mg_tls_init(c, &opts);
  }
  answer(c, ev, ev_data);
}

static void serve_https(struct mg_mgr *mgr) {
  cert = mg_file_read(&mg_fs_posix, "fullchain.pem");
  key = mg_file_read(&mg_fs_posix, "privkey.pem");
  mg_http_listen(mgr, "https://0.0.0.0:8443", secure, NULL);
}
// end

// example: mg_wakeup_init mg_wakeup
// mg_wakeup_init(&mgr) was called once. Any thread may send a result to the connection with this id.
static void work(struct mg_mgr *mgr, unsigned long id) {
  const char *result = "42";
  mg_wakeup(mgr, id, result, strlen(result));
}

static void woken(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_WAKEUP) {
    struct mg_str *result = (struct mg_str *) ev_data;
    mg_http_reply(c, 200, "", "%.*s\n", (int) result->len, result->buf);
  }
}

static bool start_threads(struct mg_mgr *mgr) { return mg_wakeup_init(mgr); }
// end

// example: mg_mgr_set mg_conn_set
static void limits(struct mg_mgr *mgr, struct mg_connection *admin) {
  mg_mgr_set(mgr, MG_SET_HTTP_MAX_BODY, 100000);     // listeners and connections made from now on
  mg_conn_set(admin, MG_SET_HTTP_MAX_BODY, 1 << 26);  // this listener, and what it accepts
}
// end

// example: mg_json_get_num mg_json_get_bool mg_json_get_str mg_json_get_long mg_json_get_tok mg_json_get
static void read_json(void) {
  struct mg_str json = mg_str("{\"lamp\": {\"on\": true, \"levels\": [10, 25.5]}, \"name\": \"desk\"}");
  double level;
  bool on;
  int length, offset = mg_json_get(json, "$.lamp", &length);  // where it is, or negative
  char *name = mg_json_get_str(json, "$.name");               // decoded, in memory of its own
  struct mg_str lamp = mg_json_get_tok(json, "$.lamp");       // as it was written
  long missing = mg_json_get_long(json, "$.count", -1);
  if (mg_json_get_num(json, "$.lamp.levels[1]", &level) && mg_json_get_bool(json, "$.lamp.on", &on)) {
    printf("%s: %g %d, %.*s at %d, %ld\n", name, level, on, (int) lamp.len, lamp.buf, offset, missing);
  }
  mg_free(name);
}
// end

// example: mg_json_next
static void walk_json(struct mg_str object) {
  struct mg_str name, value;
  size_t offset = 0;
  while ((offset = mg_json_next(object, offset, &name, &value)) > 0) {
    printf("%.*s is %.*s\n", (int) name.len, name.buf, (int) value.len, value.buf);
  }
}
// end

// example: mg_snprintf mg_mprintf mg_xprintf mg_aton
static void print(void) {
  char buf[40];
  struct mg_addr addr;
  char *text = mg_mprintf("{%m:%g}", MG_ESC("value"), 1.5);  // {"value":1.5}
  if (!mg_aton(mg_str("127.0.0.1"), &addr)) return;
  mg_snprintf(buf, sizeof(buf), "%M and %s", mg_print_ip, &addr, text);
  mg_xprintf(mg_pfn_stdout, NULL, "%s\n", buf);
  mg_free(text);
}
// end

// example: mg_log_set_fn
static void to_stderr(char ch, void *arg) { fputc(ch, (FILE *) arg); }

static void log_to_stderr(void) {
  mg_log_level = MG_LL_DEBUG;
  mg_log_set_fn(to_stderr, stderr);
  MG_INFO(("%d connections", 3));
}
// end

// example: mg_base64_encode mg_base64_decode
static void base64(void) {
  char text[20], bytes[20];
  size_t n = mg_base64_encode((const unsigned char *) "hello", 5, text, sizeof(text));  // aGVsbG8=
  n = mg_base64_decode(text, n, bytes, sizeof(bytes));
  printf("%.*s\n", (int) n, bytes);
}
// end

// example: mg_sha256 mg_hmac_sha256 mg_crc32
static void digests(uint8_t *data, size_t len) {
  uint8_t sum[32], mac[32], secret[] = "secret";
  mg_sha256(sum, data, len);
  mg_hmac_sha256(mac, secret, sizeof(secret) - 1, data, len);
  printf("%08x\n", (unsigned) mg_crc32(0, (char *) data, len));
}
// end

// example: mg_url_encode
static void encode_url(void) {
  char text[30];
  mg_url_encode("a b&c", 5, text, sizeof(text));  // a%20b%26c
}
// end

// example: mg_str_n mg_strdup mg_span mg_str_to_num
static void strings(void) {
  struct mg_str rest = mg_str_n("10,20,30;", 8), one, copy;  // without the semicolon
  int value;
  while (mg_span(rest, &one, &rest, ',')) {
    if (mg_str_to_num(one, 10, &value, sizeof(value))) printf("%d\n", value);
  }
  copy = mg_strdup(mg_str("kept"));
  mg_free((void *) copy.buf);
}
// end

// example: mg_rpc_add mg_rpc_process mg_rpc_ok mg_rpc_err mg_rpc_del
static struct mg_rpc *methods;

static void sum(struct mg_rpc_req *r) {
  double a, b;
  if (mg_json_get_num(r->frame, "$.params[0]", &a) && mg_json_get_num(r->frame, "$.params[1]", &b)) {
    mg_rpc_ok(r, "%g", a + b);
  } else {
    mg_rpc_err(r, -32602, "%m", MG_ESC("two numbers, please"));
  }
}

static void call(struct mg_connection *c, struct mg_http_message *hm) {
  struct mg_iobuf io = {NULL, 0, 0, 256};
  struct mg_rpc_req r = {.head = &methods, .pfn = mg_pfn_iobuf, .pfn_data = &io, .frame = hm->body};
  mg_rpc_process(&r);
  mg_http_reply(c, 200, "", "%.*s", (int) io.len, io.buf == NULL ? "" : (char *) io.buf);
  mg_iobuf_free(&io);
}

static void start_methods(void) { mg_rpc_add(&methods, mg_str("sum"), sum, NULL); }
static void stop_methods(void) { mg_rpc_del(&methods, NULL); }  // all of them
// end

// example: mg_sntp_connect
static void clock_set(struct mg_connection *c, int ev, void *ev_data) {
  (void) c;
  if (ev == MG_EV_SNTP_TIME) printf("%llu ms\n", (unsigned long long) *(uint64_t *) ev_data);
}

static void ask_time(struct mg_mgr *mgr) { mg_sntp_connect(mgr, "udp://time.example:123", clock_set, NULL); }
// end

// example: mg_file_write mg_path_is_sane
static bool save(struct mg_str name, struct mg_str text) {
  char path[200];
  if (!mg_path_is_sane(name)) return false;
  mg_snprintf(path, sizeof(path), "/var/notes/%.*s", (int) name.len, name.buf);
  return mg_file_write(&mg_fs_posix, path, text.buf, text.len);
}
// end

// example: mg_check_ip_acl
// Only this network, and not its router. In a handler: at MG_EV_ACCEPT.
static bool is_allowed(struct mg_connection *c) {
  return mg_check_ip_acl(mg_str("-0.0.0.0/0,+192.168.1.0/24,-192.168.1.1"), &c->rem) == 1;
}
// end

// example: mg_random mg_random_str mg_millis
static void tokens(void) {
  char token[33];
  unsigned char bytes[16];
  uint64_t started = mg_millis();
  mg_random_str(token, sizeof(token));  // letters and digits
  mg_random(bytes, sizeof(bytes));
  printf("%s in %llu ms\n", token, (unsigned long long) (mg_millis() - started));
}
// end
