// A long response, made while it is sent: stream [URL]. /COUNT answers with that many lines.
//
// MG_EV_WRITE says that the client has taken something. Only then are more lines made, so that a slow
// client costs no memory.
#include <mongoose.h>

struct stream {
  unsigned long next, count;
};

static void more(struct mg_connection *c) {
  struct stream *s = (struct stream *) c->data;
  while (s->next < s->count && c->send.len < 65536) mg_http_printf_chunk(c, "line %lu\n", ++s->next);
  if (s->count > 0 && s->next == s->count) {
    s->next = s->count = 0;
    mg_http_write_chunk(c, "", 0);  // the end
  }
}

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  struct stream *s = (struct stream *) c->data;
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    struct mg_str number = mg_str_n(hm->uri.buf + 1, hm->uri.len - 1);
    uint32_t count = 0;
    if (!mg_str_to_num(number, 10, &count, sizeof(count)) || count == 0) {
      mg_http_reply(c, 404, "", "Ask for /1000\n");
      return;
    }
    s->next = 0, s->count = count;
    mg_printf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
    more(c);
  } else if (ev == MG_EV_WRITE) {
    more(c);
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  mg_mgr_init(&mgr);
  mg_mgr_set(&mgr, MG_SET_HTTP_SEND_TIMEOUT, 60000);  // for a client that takes nothing at all
  listener = mg_http_listen(&mgr, argc > 1 ? argv[1] : "http://127.0.0.1:8000", handler, NULL);
  if (listener == NULL) return 1;
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}
