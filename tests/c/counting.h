// Counts connections that open and close, and a server that sends back what it gets.
#ifndef COUNTING_H
#define COUNTING_H

#include "loop.h"

static int opened, closed;

static inline void count(struct mg_connection *c, int ev) {
  (void) c;
  opened += ev == MG_EV_OPEN;
  closed += ev == MG_EV_CLOSE;
}

static inline void echo(struct mg_connection *c, int ev, void *ev_data) {
  (void) ev_data;
  count(c, ev);
  if (ev == MG_EV_READ) {
    mg_send(c, c->recv.buf, c->recv.len);
    c->recv.len = 0;
  }
}

#endif
