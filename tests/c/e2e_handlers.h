// The program of the end-to-end fuzz target: handlers of servers and clients, which also do what the
// interface allows at odd moments.
#ifndef E2E_HANDLERS_H
#define E2E_HANDLERS_H

#include "e2e_world.h"

static struct mg_mgr mgr;
static bool is_freed;  // a handler has freed the manager
static int opened, closed, errors, nested;
// Connections that belong to an upload: their handler gets no more events, its function one call.
static int given, uploads, uploads_ended;

// What a handler does at its n-th event from now.
static struct {
  int action, countdown;
} plans[4];

static char big[200000];

static struct mg_connection *another(const struct mg_connection *c) {
  struct mg_connection *t;
  for (t = mgr.conns; t != NULL; t = t->next) {
    if (t != c && !t->is_listening) return t;
  }
  return NULL;
}

static void idle(struct mg_connection *c, int ev, void *ev_data);

// Returns false if the connection may be closed now, or the event's data released.
static bool act(struct mg_connection *c, int action) {
  struct mg_connection *t = another(c);
  switch (action % 20) {
    case 0: c->is_closing = 1; break;
    case 1: c->is_draining = 1; break;
    case 2: mg_close_conn(c); return false;
    case 3: mg_error(c, "end %d", 1); break;
    case 4:
      if (nested++ < 3) mg_mgr_poll(&mgr, 0);
      return false;
    case 5: mg_iobuf_free(&c->recv); return false;
    case 6: mg_iobuf_free(&c->send); break;
    case 7: mg_send(c, big, sizeof(big)); break;
    case 8: c->fn = idle; break;
    case 9:
      mg_mgr_free(&mgr);
      is_freed = true;
      return false;
    case 10: if (t != NULL) mg_close_conn(t); break;
    case 11: c->is_full = !c->is_full; break;
    case 12: c->recv.len = 0; break;
    case 13: mg_call(c, MG_EV_USER, NULL); return false;
    case 14: mg_http_reply(c, 200, "", "again"); break;
    case 15: mg_iobuf_resize(&c->recv, c->recv.len + 10000); return false;
    case 16: mg_iobuf_del(&c->recv, 0, 1); return false;
    case 17: c->is_resp = !c->is_resp; break;
    case 18: if (t != NULL) t->is_draining = 1; break;
    default: mg_ws_send(c, big, 70000, WEBSOCKET_OP_BINARY); break;
  }
  return true;
}

// What each handler does first: counts, and misuses what it may. False: the connection may be gone.
static bool begin_event(struct mg_connection *c, int ev) {
  size_t i;
  MUST(c->data[MG_DATA_SIZE - 1] == 0);
  if (ev == MG_EV_OPEN) opened++;
  if (ev == MG_EV_ERROR) errors++;
  if (ev == MG_EV_CLOSE) {
    closed++;
    c->data[MG_DATA_SIZE - 1] = 1;
    return false;
  }
  if (c->is_listening) return true;
  for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
    if (plans[i].countdown > 0 && --plans[i].countdown == 0 && !act(c, plans[i].action)) return false;
  }
  return true;
}

static void idle(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  begin_event(c, ev);
}

// Reads each byte of a text, so that checkers see whether it is there.
static unsigned sum(struct mg_str s) {
  unsigned total = 0;
  char *copy = (char *) malloc(s.len + 1);
  size_t i;
  if (s.len > 0) memcpy(copy, s.buf, s.len);
  for (i = 0; i < s.len; i++) total += (unsigned char) copy[i];
  free(copy);
  return total;
}

// With the headers comes only the length of the body.
static void read_message(struct mg_http_message *hm, bool is_whole) {
  size_t i;
  sum(hm->method), sum(hm->uri), sum(hm->query), sum(hm->proto), sum(hm->head);
  for (i = 0; i < MG_MAX_HTTP_HEADERS && hm->headers[i].name.len > 0; i++) {
    sum(hm->headers[i].name), sum(hm->headers[i].value);
  }
  if (is_whole) sum(hm->body);
}

// --- HTTP server

static void uploaded(struct mg_connection *c, const char *err) {
  uploads_ended++;
  mg_http_reply(c, err == NULL ? 200 : 500, "", "%s", err == NULL ? "ok" : err);
}

static void reply_parts(struct mg_connection *c, struct mg_http_message *hm) {
  struct mg_http_part part;
  size_t ofs = 0;
  unsigned total = 0;
  while ((ofs = mg_http_next_multipart(hm->body, ofs, &part)) > 0) {
    total += sum(part.name) + sum(part.filename) + sum(part.body);
  }
  mg_http_reply(c, 200, "", "%u", total);
}

static void reply_vars(struct mg_connection *c, struct mg_http_message *hm) {
  char name[20], pass[20];
  mg_http_creds(hm, name, sizeof(name), pass, sizeof(pass));
  mg_http_get_var(&hm->query, "a", name, sizeof(name));
  mg_http_get_var(&hm->body, "b", pass, sizeof(pass));
  mg_http_reply(c, 200, "X: y\r\n", "{%m:%m}", MG_ESC(name), MG_ESC(pass));
}

static void answer(struct mg_connection *c, struct mg_http_message *hm) {
  struct mg_http_serve_opts opts;
  memset(&opts, 0, sizeof(opts));
  opts.root_dir = "/w";
  opts.ssi_pattern = "#.shtml";
  opts.fs = &memory_fs;
  switch (hm->uri.len > 1 ? hm->uri.buf[1] : 0) {
    case 'w': mg_ws_upgrade(c, hm, NULL); break;
    case 'u': mg_http_upload(c, hm, &memory_fs, "/w", 20000); break;
    case 'm': reply_parts(c, hm); break;
    case 'v': reply_vars(c, hm); break;
    case 'f': mg_http_serve_file(c, hm, "/w/big", &opts); break;
    case 'c':
      mg_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      mg_http_printf_chunk(c, "%s", "abc");
      mg_http_write_chunk(c, big, 5000);
      mg_http_printf_chunk(c, "");
      break;
    case 'l': c->data[0] = 'l'; break;  // later
    case 'n': break;                    // never
    case 'o': mg_http_reply(c, 200, "", "%.*s", 150000, big); break;
    case 'e': mg_http_reply(c, 200, "", "%.*s", (int) hm->body.len, hm->body.buf); break;
    default: mg_http_serve_dir(c, hm, &opts); break;
  }
}

static void serve(struct mg_connection *c, int ev, void *ev_data) {
  if (!begin_event(c, ev)) return;
  if (ev == MG_EV_HTTP_HDRS) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    read_message(hm, false);
    if (mg_match(hm->uri, mg_str("/stream/*"), NULL)) {
      mg_event_handler_t before = c->fn;
      uploads++;
      mg_http_start_upload(c, hm, mg_str("s.bin"), mg_str("/w"), &memory_fs, uploaded);
      given += c->fn != before;
    }
  } else if (ev == MG_EV_HTTP_MSG) {
    read_message((struct mg_http_message *) ev_data, true);
    answer(c, (struct mg_http_message *) ev_data);
  } else if (ev == MG_EV_WS_MSG || ev == MG_EV_WS_CTL) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    sum(wm->data);
    if (ev == MG_EV_WS_MSG) mg_ws_send(c, wm->data.buf, wm->data.len, wm->flags & 15);
  } else if (ev == MG_EV_POLL && c->data[0] == 'l') {
    c->data[0] = 0;
    mg_http_reply(c, 200, "", "later");
  }
}

// --- Dashboard

static int number, element;
static uint64_t wide;
static bool flag;
static double real;
static char text[20], raw[20];
static struct mg_field some_fields[] = {{"i", MG_VAL_INT, &number, sizeof(number)},
                                        {"u", MG_VAL_UINT64, &wide, sizeof(wide)},
                                        {"b", MG_VAL_BOOL, &flag, sizeof(flag)},
                                        {"d", MG_VAL_DBL, &real, sizeof(real)},
                                        {"s", MG_VAL_STR, text, sizeof(text)},
                                        {"r", MG_VAL_RAW, raw, sizeof(raw)},
                                        {NULL, MG_VAL_INT, NULL, 0}};

static void reset_variables(void) {
  number = element = 1;
  wide = 0;
  flag = false;
  real = 1.5;
  strcpy(text, "text");
  strcpy(raw, "[1]");
}

static bool ask_element(enum mg_dash_op op, struct mg_dash_user *user) {
  (void) user;
  return op == MG_DASH_READ ? element >= 0 && element < 3 : element % 2 == 0;
}

static bool directory(const struct mg_dash_user *user, char *buf, size_t len) {
  (void) user;
  return mg_snprintf(buf, len, "/w") == 2;
}

static int authenticate(char *user, size_t userlen, const char *pass) {
  (void) userlen;
  return strcmp(user, pass) == 0 ? 7 : 0;
}

static struct mg_field_set file_set = {"files", some_fields, NULL, NULL, directory, NULL};
static struct mg_field_set array_set = {"arr", some_fields, ask_element, &element, NULL, &file_set};
static struct mg_field_set plain_set = {"set", some_fields, NULL, NULL, NULL, &array_set};
static struct mg_dash dash;

static void dashboard(struct mg_connection *c, int ev, void *ev_data) {
  if (!begin_event(c, ev)) return;
  mg_dash_ev_handler(c, ev, ev_data);
}

// --- MQTT server and clients, Modbus

static void broker(struct mg_connection *c, int ev, void *ev_data) {
  if (!begin_event(c, ev)) return;
  if (ev == MG_EV_MQTT_CMD || ev == MG_EV_MQTT_MSG) {
    struct mg_mqtt_message *mm = (struct mg_mqtt_message *) ev_data;
    struct mg_mqtt_prop prop;
    size_t ofs = 0;
    sum(mm->dgram), sum(mm->topic), sum(mm->data);
    while ((ofs = mg_mqtt_next_prop(mm, &prop, ofs)) > 0) sum(prop.key), sum(prop.val);
    if (mm->cmd == MQTT_CMD_CONNECT) {
      unsigned char ack[] = {0, 0};
      mg_mqtt_send_header(c, MQTT_CMD_CONNACK, 0, sizeof(ack));
      mg_send(c, ack, sizeof(ack));
    } else if (mm->cmd == MQTT_CMD_PUBLISH && c->is_client == 0) {
      struct mg_mqtt_opts opts;
      memset(&opts, 0, sizeof(opts));
      opts.topic = mm->topic;
      opts.message = mm->data;
      opts.qos = mm->qos & 1;
      mg_mqtt_pub(c, &opts);
    } else if (mm->cmd == MQTT_CMD_PINGREQ) {
      mg_mqtt_pong(c);
    }
  } else if (ev == MG_EV_MQTT_OPEN) {
    struct mg_mqtt_opts opts;
    memset(&opts, 0, sizeof(opts));
    opts.topic = mg_str("a/#");
    opts.qos = 2;
    mg_mqtt_sub(c, &opts);
    opts.message = mg_str("message");
    opts.topic = mg_str("a/b");
    mg_mqtt_pub(c, &opts);
  }
}

static void registers(struct mg_connection *c, int ev, void *ev_data) {
  if (!begin_event(c, ev)) return;
  if (ev == MG_EV_MODBUS_REQ) {
    struct mg_modbus_req *mr = (struct mg_modbus_req *) ev_data;
    mr->error = mr->addr == 7 ? MG_MODBUS_ERR_ILLEGAL_ADDRESS : MG_MODBUS_ERR_NONE;
    if (mr->func == MG_MODBUS_FUNC_READ_DEVICE_ID && mr->addr < 3) {
      memcpy(mr->u.text, "name", 4);
      mr->len = 4;
    }
  }
}

// --- Clients

static void ask(struct mg_connection *c, int ev, void *ev_data) {
  if (!begin_event(c, ev)) return;
  if (ev == MG_EV_CONNECT) {
    mg_printf(c, "POST /%s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "x");
    mg_http_printf_chunk(c, "%d", 12345);
    mg_http_printf_chunk(c, "");
  }
  if (ev == MG_EV_HTTP_MSG || ev == MG_EV_HTTP_HDRS) read_message((struct mg_http_message *) ev_data, ev == MG_EV_HTTP_MSG);
  if (ev == MG_EV_HTTP_MSG) mg_printf(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void chat(struct mg_connection *c, int ev, void *ev_data) {
  if (!begin_event(c, ev)) return;
  if (ev == MG_EV_WS_OPEN) mg_ws_send(c, big, 1000, WEBSOCKET_OP_TEXT);
  if (ev == MG_EV_WS_MSG || ev == MG_EV_WS_CTL) {
    struct mg_ws_message *wm = (struct mg_ws_message *) ev_data;
    sum(wm->data);
    if (ev == MG_EV_WS_MSG) mg_ws_send(c, wm->data.buf, wm->data.len, wm->flags & 15);
  }
}

#endif
