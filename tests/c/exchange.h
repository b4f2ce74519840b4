// A server and a plain client in one manager: what goes in and what comes out, as bytes.
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "files.h"
#include "kernel.h"
#include <stdlib.h>
#include "mongoose.h"

static struct mg_mgr mgr;
static char server_url[64];
static char *reply;  // What the client received, NUL-terminated; released by the next exchange.
static size_t reply_len;
static int closed;

static inline void client(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_CLOSE) {
    free(reply);
    reply = (char *) malloc(c->recv.len + 1);
    memcpy(reply, c->recv.buf == NULL ? (unsigned char *) "" : c->recv.buf, c->recv.len);
    reply[reply_len = c->recv.len] = '\0';
    closed = 1;
  }
  (void) ev_data;
}

// Listens with `handler`, on a port that the system chooses.
static inline void start_server(mg_event_handler_t handler) {
  struct mg_connection *c;
  mg_mgr_init(&mgr);
  mg_log_level = MG_LL_NONE;
  c = mg_http_listen(&mgr, "http://127.0.0.1:0", handler, NULL);
  CHECK(c != NULL);
  mg_snprintf(server_url, sizeof(server_url), "tcp://127.0.0.1:%u", mg_ntohs(c->loc.port));
}

static inline void stop_server(void) {
  mg_mgr_free(&mgr);
  free(reply);
  reply = NULL;
}

// Sends bytes; returns what came back until the connection closed.
static inline const char *exchange_bytes(const char *request, size_t len) {
  struct mg_connection *c = mg_connect(&mgr, server_url, client, NULL);
  uint64_t end = mg_millis() + 60000;
  closed = 0;
  mg_send(c, request, len);
  while (!closed && mg_millis() < end) mg_mgr_poll(&mgr, 10);
  CHECK_ROW(closed, request);
  return reply;
}

// Sends one request, given without its blank line; the server closes when it is answered.
static inline const char *exchange(const char *head) {
  char request[20000];
  size_t n = mg_snprintf(request, sizeof(request), "%s\r\nConnection: close\r\n\r\n", head);
  return exchange_bytes(request, n);
}

static inline const char *get(const char *target) {
  char head[16000];
  mg_snprintf(head, sizeof(head), "GET %s HTTP/1.1", target);
  return exchange(head);
}

static inline int status(const char *response) {
  return strncmp(response, "HTTP/1.1 ", 9) == 0 ? atoi(response + 9) : 0;
}

// Takes out of a reply the header lines that tell the time or that every file has.
static inline const char *without_additions(char *response) {
  static const char *const names[] = {"\r\nDate: ", "\r\nLast-Modified: ", "\r\nAccept-Ranges: "};
  size_t i;
  for (i = 0; i < COUNT(names); i++) {
    char *line = strstr(response, names[i]), *end = line == NULL ? NULL : strstr(line + 2, "\r\n");
    if (end != NULL) memmove(line, end, strlen(end) + 1);
  }
  return response;
}

static inline const char *body(const char *response) {
  const char *end = strstr(response, "\r\n\r\n");
  return end == NULL ? "" : end + 4;
}

#endif
