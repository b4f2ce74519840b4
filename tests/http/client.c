// Our client against any server: client URL pipelined|sequential
//
// Takes requests from standard input, each ended by a NUL, and sends them over one connection: all at
// once, or each when the one before it was answered. Prints the events (see text.h), then the
// connection's state: OPEN, CLOSED, or STUCK when nothing came for a long time.
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define PATIENCE_MS 20000

static char requests[1 << 20], output[1 << 24];
static char *next = requests, *end;
static struct text text = {output, sizeof(output), 0};
static bool pipelined, closed;
static int wanted, answers;

static void send_next(struct mg_connection *c) {
  while (next < end) {
    size_t n = strlen(next);
    mg_send(c, next, n);
    next += n + 1;
    if (!pipelined) break;
  }
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  put_event(&text, ev, ev_data);
  if (ev == MG_EV_CONNECT) send_next(c);
  if (ev == MG_EV_CLOSE) closed = true;
  if (ev == MG_EV_HTTP_MSG && mg_http_status((struct mg_http_message *) ev_data) >= 200) {
    answers++;
    send_next(c);
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  uint64_t start = mg_millis();
  char *at;
  if (argc != 3) return 2;
  end = requests + fread(requests, 1, sizeof(requests) - 1, stdin);
  for (at = requests; at < end; at += strlen(at) + 1) wanted++;
  pipelined = strcmp(argv[2], "pipelined") == 0;
  mg_log_set(MG_LL_NONE);
  mg_mgr_init(&mgr);
  if (mg_http_connect(&mgr, argv[1], handler, NULL) == NULL) return 1;
  while (!closed && answers < wanted && mg_millis() - start < PATIENCE_MS) mg_mgr_poll(&mgr, 50);
  put(&text, "%s\n", closed ? "CLOSED" : answers < wanted ? "STUCK" : "OPEN");
  fwrite(output, 1, text.len, stdout);
  mg_mgr_free(&mgr);
  return text.len < text.size ? 0 : 1;
}
