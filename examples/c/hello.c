// A first server: hello [URL]
//
//   /            a text
//   /api/sum     {"a": 1, "b": 2} in, {"sum": 3} out
#include <mongoose.h>

static void handler(struct mg_connection *c, int ev, void *ev_data) {
  if (ev == MG_EV_HTTP_MSG) {
    struct mg_http_message *hm = (struct mg_http_message *) ev_data;
    if (mg_match(hm->uri, mg_str("/api/sum"), NULL)) {
      double a = 0, b = 0;
      if (mg_json_get_num(hm->body, "$.a", &a) && mg_json_get_num(hm->body, "$.b", &b)) {
        mg_http_reply(c, 200, "Content-Type: application/json\r\n", "{%m:%g}\n", MG_ESC("sum"), a + b);
      } else {
        mg_http_reply(c, 400, "", "a and b must be numbers\n");
      }
    } else {
      mg_http_reply(c, 200, "Content-Type: text/plain\r\n", "You asked for %.*s\n", (int) hm->uri.len,
                    hm->uri.buf);
    }
  }
}

int main(int argc, char **argv) {
  struct mg_mgr mgr;
  struct mg_connection *listener;
  mg_mgr_init(&mgr);
  listener = mg_http_listen(&mgr, argc > 1 ? argv[1] : "http://127.0.0.1:8000", handler, NULL);
  if (listener == NULL) return 1;  // the log says why
  printf("http://127.0.0.1:%d\n", (int) mg_ntohs(listener->loc.port));
  fflush(stdout);
  for (;;) mg_mgr_poll(&mgr, 1000);
}
