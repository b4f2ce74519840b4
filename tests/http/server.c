// A server for real clients: server [SETTING=VALUE]...
//
// Listens on a free port of 127.0.0.1 and prints its number; ends when its standard input ends.
// A request for /skip moves the clock by half a minute.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mongoose.h"

static const struct {
  const char *name;
  int setting;
} settings[] = {
    {"strict", MG_SET_HTTP_STRICT},
    {"error-replies", MG_SET_HTTP_ERROR_REPLIES},
    {"continue", MG_SET_HTTP_CONTINUE},
    {"http10-close", MG_SET_HTTP10_CLOSE},
    {"max-head", MG_SET_HTTP_MAX_HEAD},
    {"max-body", MG_SET_HTTP_MAX_BODY},
    {"max-requests", MG_SET_HTTP_MAX_REQUESTS},
    {"head-timeout", MG_SET_HTTP_HEAD_TIMEOUT},
    {"body-rate", MG_SET_HTTP_BODY_RATE},
    {"idle-timeout", MG_SET_HTTP_IDLE_TIMEOUT},
    {"recv-limit", MG_SET_RECV_LIMIT},
    {"max-connections", MG_SET_MAX_CONNECTIONS},
    {"max-per-address", MG_SET_MAX_PER_ADDRESS},
};

static uint64_t skipped;  // milliseconds

uint64_t mg_millis(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000 + skipped;
}

static bool is(struct mg_http_message *hm, const char *path) {
  return mg_strcmp(hm->uri, mg_str(path)) == 0;
}

static void answer(struct mg_connection *c, struct mg_http_message *hm) {
  if (mg_strcmp(hm->method, mg_str("HEAD")) == 0) {
    mg_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    c->is_resp = 0;
  } else if (is(hm, "/echo")) {
    mg_printf(c, "HTTP/1.1 200 OK\r\nContent-Length: %lu\r\n\r\n", (unsigned long) hm->body.len);
    mg_send(c, hm->body.buf, hm->body.len);
    c->is_resp = 0;
  } else if (is(hm, "/chunked")) {
    mg_printf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    mg_http_printf_chunk(c, "%s", "one ");
    mg_http_write_chunk(c, "two", 3);
    mg_http_write_chunk(c, "", 0);
  } else if (is(hm, "/until-close")) {
    mg_printf(c, "HTTP/1.1 200 OK\r\n\r\nto the end");
    c->is_draining = 1;
  } else if (is(hm, "/skip")) {
    skipped += 30000;
    mg_http_reply(c, 200, "", "skipped\n");
  } else if (is(hm, "/204")) {
    mg_http_reply(c, 204, "", "");
  } else if (is(hm, "/later")) {
    c->data[0] = 3;  // Answered by the third MG_EV_POLL from now.
  } else {
    mg_http_reply(c, 200, "", "%.*s %.*s %lu\n", (int) hm->method.len, hm->method.buf, (int) hm->uri.len, hm->uri.buf,
                  (unsigned long) hm->body.len);
  }
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct mg_http_message *hm = (struct mg_http_message *) ev_data;
  if (ev == MG_EV_HTTP_HDRS && is(hm, "/refused")) {
    mg_http_reply(c, 403, "", "no\n");
    c->is_draining = 1;
  }
  if (ev == MG_EV_HTTP_MSG) answer(c, hm);
  if (ev == MG_EV_POLL && c->data[0] > 0 && --c->data[0] == 0) mg_http_reply(c, 200, "", "late\n");
}

static void parent(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CLOSE) *(bool *) c->fn_data = true;
  (void) ev_data;
}

static bool set(struct mg_mgr *mgr, const char *option) {
  const char *value = strchr(option, '=');
  size_t i, n = value == NULL ? 0 : (size_t) (value - option);
  for (i = 0; n > 0 && i < sizeof(settings) / sizeof(settings[0]); i++) {
    if (strlen(settings[i].name) == n && memcmp(settings[i].name, option, n) == 0) {
      return mg_mgr_set(mgr, settings[i].setting, atol(value + 1));
    }
  }
  return false;
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  bool done = false;
  int i;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  for (i = 1; i < argc; i++) {
    if (!set(&mgr, argv[i])) {
      fprintf(stderr, "no such setting: %s\n", argv[i]);
      return 2;
    }
  }
  listener = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
  if (listener == NULL || mg_wrapfd(&mgr, 0, parent, &done) == NULL) return 1;
  printf("%d\n", mg_ntohs(listener->loc.port));
  fflush(stdout);
  while (!done) mg_mgr_poll(&mgr, 50);
  mg_mgr_free(&mgr);
  return 0;
}
